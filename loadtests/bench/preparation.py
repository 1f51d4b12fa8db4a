"""Compares image preparation with Pillow's plain decoding, conversion to RGB and resizing of the same file.

Both run on one thread, file by file in turn. Only the medians of paired ratios are quoted.
"""

import asyncio
import io
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PIL import Image, features
from rich.console import Console
from rich.table import Table

from loadtests.bench.origin import origin
from loadtests.bench.plain import plain_pixels
from serve_app.domain.study import StudyImage
from serve_app.imaging.preparer import LocalPreparer
from serve_app.reasoning.local import local_call
from serve_app.settings import PreprocessorSettings
from training.phantoms import draw_deep, sample
from training.phantoms.scene import Scene

SIDE_PX = 3000
_DEEP_BITS = 12
Clocks = tuple[float, float]


@dataclass(slots=True)
class Pairs:
    """Paired times of one kind of file, wall and processor, in seconds."""

    num_bytes: list[int] = field(default_factory=list)
    plain_s: list[Clocks] = field(default_factory=list)
    ours_s: list[Clocks] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Compute medians over all pairs. A ratio is the median of the pairs' ratios."""
        figures = {
            "file_mb": statistics.median(self.num_bytes) / 1e6,
            "ours_ms": statistics.median(wall for wall, _ in self.ours_s) * 1000,
            "plain_ms": statistics.median(wall for wall, _ in self.plain_s) * 1000,
        }
        for clock, name in enumerate(("ratio", "processor_ratio")):
            pairs = zip(self.ours_s, self.plain_s, strict=True)
            figures[name] = statistics.median(ours[clock] / plain[clock] for ours, plain in pairs)
        return figures


def measure_preparation(num_films: int, num_rounds: int, budgets: list[int], console: Console) -> dict[str, Any]:
    """Prepare the same drawn images in every format and at every budget of visual tokens, and print a table."""
    return asyncio.run(_measure(num_films, num_rounds, budgets, console))


async def _measure(num_films: int, num_rounds: int, budgets: list[int], console: Console) -> dict[str, Any]:
    measured: dict[int, dict[str, Pairs]] = {budget: {} for budget in budgets}
    preparers = {
        budget: LocalPreparer(PreprocessorSettings(max_visual_tokens=budget, num_workers=1)) for budget in budgets
    }
    for number in range(num_films):
        for kind, data in drawn_files(number):
            console.print(f"film {number}  {kind}")
            for budget, preparer in preparers.items():
                pairs = measured[budget].setdefault(kind, Pairs())
                await _pair(data, preparer, pairs, num_rounds)
    figures = {
        str(budget): {kind: pairs.figures() for kind, pairs in of_one.items()} for budget, of_one in measured.items()
    }
    console.print(_table(figures))
    return {
        **origin(),
        "libraries": {name: features.version(name) for name in ("pil", "zlib_ng", "libjpeg_turbo")},
        "films": num_films,
        "rounds": num_rounds,
        "film_px": [SIDE_PX, SIDE_PX],
        "visual_tokens": figures,
    }


async def _pair(data: bytes, preparer: LocalPreparer, pairs: Pairs, num_rounds: int) -> None:
    """Time both on one file, in turn. The first round warms up and is discarded."""
    pairs.num_bytes.append(len(data))
    for number in range(num_rounds + 1):
        started = _now()
        # Confirmed, so that a refusal by the gate does not end the measurement.
        film = await preparer.prepare(local_call("bench", 600.0), StudyImage(data, is_confirmed=True))
        ours = _since(started)
        height_px, width_px, _ = film.pixels.shape
        started = _now()
        with Image.open(io.BytesIO(data)) as image:
            plainly = plain_pixels(image, (width_px, height_px))
        took = _since(started)
        if plainly.shape != film.pixels.shape:
            raise RuntimeError(f"plain Pillow made {plainly.shape}, the preparer {film.pixels.shape}")
        if number > 0:
            pairs.ours_s.append(ours)
            pairs.plain_s.append(took)


def _now() -> Clocks:
    return time.perf_counter(), time.process_time()


def _since(started: Clocks) -> Clocks:
    wall, processor = _now()
    return wall - started[0], processor - started[1]


def drawn_files(seed: int) -> Iterator[tuple[str, bytes]]:
    """Draw one image as large as the first version's, with full-size noise, and save it in every format.

    `enlarged` is a small image made large, as in `clara bench platform`. Without noise a PNG has other filters, and a
    JPEG less to decode.
    """
    scene = sample(np.random.default_rng(seed))
    deep = draw_deep(_full_size(scene), _DEEP_BITS)
    film = Image.fromarray((deep >> (_DEEP_BITS - 8)).astype(np.uint8))
    enlarged = Image.fromarray((draw_deep(scene, 8)).astype(np.uint8)).resize((SIDE_PX, SIDE_PX))
    yield "grey PNG", _saved(film, "PNG")
    yield "grey PNG, enlarged", _saved(enlarged, "PNG")
    yield "grey JPEG", _saved(film, "JPEG")
    yield "grey JPEG, enlarged", _saved(enlarged, "JPEG")
    yield "RGB PNG", _saved(film.convert("RGB"), "PNG")
    yield "RGB JPEG", _saved(film.convert("RGB"), "JPEG")
    yield "16-bit PNG", _saved(Image.fromarray(deep), "PNG")


def _full_size(scene: Scene) -> Scene:
    return replace(scene, technique=replace(scene.technique, width_px=SIDE_PX, height_px=SIDE_PX))


def _saved(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def _table(figures: dict[str, dict[str, dict[str, float]]]) -> Table:
    table = Table("visual tokens", "file", "MB", "ours, ms", "plain, ms", "ratio", "ratio of processor time")
    for budget, kinds in figures.items():
        for kind, of_one in kinds.items():
            table.add_row(budget, kind, *(f"{value:.3g}" for value in of_one.values()))
    return table
