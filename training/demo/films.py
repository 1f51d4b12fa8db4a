"""A cache of drawn films, prepared for the model, with the signs of each and their places.

Films are grouped by their grid of visual tokens, so that a batch has one shape.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from serve_app.domain.facts import Fact
from serve_app.domain.radiograph import PATCH_UNIT_PX
from serve_app.imaging.normalize import normalize
from training.phantoms import Scene, draw, fact_layers, sample
from training.phantoms.sampling import every_fact

_Film = tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]
KINDS = tuple(dict.fromkeys(replace(fact, location=None) for fact in every_fact()))
"""What the vision tower distinguishes: finding, side and severity. The token gives the place."""
# Differs from the random streams of drawn data sets, so that they share no film.
_STREAM = 97
# More signs on each film than in a data set: each film teaches more.
_CROWDING = 2.0
_VISIBLE_DENSITY = 0.1


@dataclass(frozen=True, slots=True)
class Films:
    """Films of one grid.

    `grey` is uint8 (film, height, width); `truth` bool (film, kind); `places` bool (film, token, kind), tokens in
    reading order: whether a sign of that kind reaches into the token.
    """

    grey: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    places: NDArray[np.bool_]


def load_films(folder: Path, seed: int, num_films: int, max_visual_tokens: int, num_processes: int) -> list[Films]:
    """Read the training films from the cache in `folder`; draw them first if the cache is empty."""
    path = folder / f"films-{seed}-{num_films}-{max_visual_tokens}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            f"{name}_{group}": getattr(films, name)
            for group, films in enumerate(_draw_all(seed, num_films, max_visual_tokens, num_processes))
            for name in Films.__slots__
        }
        np.savez(path, **arrays)
    with np.load(path) as stored:
        groups = sorted({name.rsplit("_", 1)[1] for name in stored.files}, key=int)
        return [Films(*(stored[f"{name}_{group}"] for name in Films.__slots__)) for group in groups]


def _draw_all(seed: int, num_films: int, max_visual_tokens: int, num_processes: int) -> list[Films]:
    groups = defaultdict(list)
    tasks = ((seed, index, max_visual_tokens) for index in range(num_films))
    with _drawn(tasks, num_processes) as drawn:
        for film in tqdm(drawn, total=num_films, unit="film", desc="draw"):
            groups[film[0].shape].append(film)
    return [Films(*(np.stack(column) for column in zip(*groups[shape], strict=True))) for shape in sorted(groups)]


@contextmanager
def _drawn(tasks: Iterable[tuple[int, int, int]], num_processes: int) -> Iterator[Iterator[_Film]]:
    """Draw in order. With one process, draw in this one."""
    if num_processes == 1:
        yield map(_draw_one, tasks)
        return
    with get_context("spawn").Pool(num_processes) as pool:
        yield pool.imap(_draw_one, tasks, chunksize=64)


def _draw_one(task: tuple[int, int, int]) -> _Film:
    seed, index, max_visual_tokens = task
    scene = sample(np.random.default_rng([seed, _STREAM, index]), _CROWDING)
    seen = {replace(fact, location=None) for fact in scene.facts}
    # Prepare the image as in serving; its three channels are equal.
    grey = normalize(draw(scene), max_visual_tokens)[:, :, 0]
    return grey, np.array([kind in seen for kind in KINDS]), _places(scene, grey.shape, max_visual_tokens)


def _places(scene: Scene, prepared_shape: tuple[int, ...], max_visual_tokens: int) -> NDArray[np.bool_]:
    rows, columns = (length // PATCH_UNIT_PX for length in prepared_shape)
    places = np.zeros((rows * columns, len(KINDS)), dtype=bool)
    for fact, layer in fact_layers(scene).items():
        seen = ((layer > _VISIBLE_DENSITY) * 255).astype(np.uint8)
        # At half size the best grid may differ, so enlarge to the film's own size first.
        full = np.asarray(Image.fromarray(seen).resize((scene.technique.width_px, scene.technique.height_px)))
        tokens = normalize(full, max_visual_tokens)[:, :, 0].reshape(rows, PATCH_UNIT_PX, columns, PATCH_UNIT_PX)
        share = (tokens > 127).mean(axis=(1, 3)).ravel()
        places[:, _KIND_INDEX[replace(fact, location=None)]] |= share > min(0.05, 0.5 * share.max())
    return places


_KIND_INDEX: dict[Fact, int] = {kind: index for index, kind in enumerate(KINDS)}
