"""A cache of drawn films as the model will see them, with what is true of each and where.

Films are grouped by their grid of visual tokens, so that a batch has one shape. Knows nothing about text.
"""

from collections import defaultdict
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.radiograph import PATCH_UNIT_PX
from serve_app.imaging.normalize import normalize
from training.phantoms import Finding, Scene, draw, finding_layers, sample

FINDINGS = tuple(Finding)
TRAIN_STREAM, MEASURE_STREAM, PAIR_STREAM = range(3)
_VISIBLE_DENSITY = 0.15


@dataclass(frozen=True, slots=True)
class Films:
    """Films of one grid.

    `grey` is uint8 (film, height, width); `truth` bool (film, finding); `places` bool (film, token, finding), tokens
    in reading order: whether a finding reaches into that visual token.
    """

    grey: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    places: NDArray[np.bool_]


def scene_rng(seed: int, stream: int, index: int) -> np.random.Generator:
    """Give film `index` of a stream its own source of chance: streams never share a film."""
    return np.random.default_rng([seed, stream, index])


def load_films(folder: Path, seed: int, num_films: int, max_visual_tokens: int, num_processes: int) -> list[Films]:
    """Read the training films from the cache in `folder`; draw them first where it has none."""
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


def prepared_grey(scene: Scene, max_visual_tokens: int) -> NDArray[np.uint8]:
    """Draw and prepare one film as serving does; its three channels are equal, one is returned."""
    return normalize(draw(scene), max_visual_tokens)[:, :, 0]


def _draw_all(seed: int, num_films: int, max_visual_tokens: int, num_processes: int) -> list[Films]:
    groups = defaultdict(list)
    tasks = ((seed, index, max_visual_tokens) for index in range(num_films))
    with get_context("fork").Pool(num_processes) as pool:
        for film in pool.imap(_draw_one, tasks, chunksize=64):
            groups[film[0].shape].append(film)
    return [Films(*(np.stack(column) for column in zip(*groups[shape], strict=True))) for shape in sorted(groups)]


def _draw_one(task: tuple[int, int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
    seed, index, max_visual_tokens = task
    scene = sample(scene_rng(seed, TRAIN_STREAM, index))
    truth = np.array([finding in scene.findings for finding in FINDINGS])
    grey = prepared_grey(scene, max_visual_tokens)
    return grey, truth, _places(scene, grey.shape, max_visual_tokens)


def _places(scene: Scene, prepared_shape: tuple[int, ...], max_visual_tokens: int) -> NDArray[np.bool_]:
    rows, columns = (length // PATCH_UNIT_PX for length in prepared_shape)
    places = np.zeros((rows * columns, len(FINDINGS)), dtype=bool)
    for finding, layer in finding_layers(scene).items():
        seen = ((layer > _VISIBLE_DENSITY) * 255).astype(np.uint8)
        # At half size the best grid may be another one: go by way of the film's own size.
        full = np.asarray(Image.fromarray(seen).resize((scene.technique.width_px, scene.technique.height_px)))
        tokens = normalize(full, max_visual_tokens)[:, :, 0].reshape(rows, PATCH_UNIT_PX, columns, PATCH_UNIT_PX)
        share = (tokens > 127).mean(axis=(1, 3)).ravel()
        places[:, FINDINGS.index(finding)] = share > min(0.05, 0.5 * share.max())
    return places
