"""Draws image files as large as real ones."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.phantoms import draw, sample

FILM_WIDTH_PX = 3000
"""The first version's images have about this width. Drawn ones are enlarged to it, for a realistic decoding time."""


def drawn_films(seed: int, num_films: int, width_px: int = FILM_WIDTH_PX) -> list[bytes]:
    """Draw PNG files, by default as large as the first version's images."""
    rng = np.random.default_rng(seed)
    return [_png(draw(sample(rng)), width_px) for _ in range(num_films)]


def large_films(seed: int, num_films: int, size_bytes: int) -> list[bytes]:
    """Draw PNG files of about this size that are cheap to decode, like uncompressed DICOM files."""
    rng = np.random.default_rng(seed)
    films = [draw(sample(rng)) for _ in range(num_films)]
    return [_png(film, round((size_bytes * film.shape[1] / film.shape[0]) ** 0.5), 0) for film in films]


def _png(film: NDArray[np.uint8], width_px: int, compress_level: int = 1) -> bytes:
    height_px = round(film.shape[0] * width_px / film.shape[1])
    buffer = io.BytesIO()
    Image.fromarray(film).resize((width_px, height_px)).save(buffer, "PNG", compress_level=compress_level)
    return buffer.getvalue()
