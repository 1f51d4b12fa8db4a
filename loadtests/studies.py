"""Draws the images and patients of a load test, all from one random seed.

Draws the images before the load starts, so that drawing does not affect the measured times.
"""

import io
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serve_app.client import ReportOptions
from training.phantoms import draw, sample

NUM_FILMS = 16
_NUM_SHIFTS = 24


@dataclass(frozen=True, slots=True)
class Study:
    """One request: a PNG and its form fields."""

    image: bytes
    fields: ReportOptions


class Studies:
    """An endless sequence of studies. A repeated image is shifted by a pixel, so that no cache contains it.

    Shifts go first across, then down: each image appears 576 times before it repeats unchanged.
    """

    def __init__(self, seed: int, num_films: int = NUM_FILMS) -> None:
        self._rng = np.random.default_rng(seed)
        self._films = [draw(sample(self._rng)) for _ in range(num_films)]
        self._numbers = count()

    def next(self) -> Study:
        """Return the next study."""
        round_number, index = divmod(next(self._numbers), len(self._films))
        down_px, across_px = divmod(round_number, _NUM_SHIFTS)
        film = np.roll(self._films[index], (down_px % _NUM_SHIFTS, across_px), axis=(0, 1))
        return Study(_png(film), _patient(self._rng))


def _patient(rng: np.random.Generator) -> ReportOptions:
    return {
        "sex": str(rng.choice(["nam", "nữ"])),
        "age": str(rng.integers(18, 90)),
        "view": str(rng.choice(["PA", "AP"])),
    }


def _png(film: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(film).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
