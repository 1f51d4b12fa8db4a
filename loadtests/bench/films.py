"""Drawn films as files, large as real ones."""

import io

import numpy as np
from PIL import Image

from training.phantoms import draw, sample

FILM_WIDTH_PX = 3000
"""The seed's own films are about as wide; ours are enlarged to it, so that decoding costs what it costs."""


def drawn_films(seed: int, num_films: int, width_px: int = FILM_WIDTH_PX) -> list[bytes]:
    """Draw films as PNG files, by default as large as the seed's own."""
    rng = np.random.default_rng(seed)
    return [_png(draw(sample(rng)), width_px) for _ in range(num_films)]


def _png(film: np.ndarray, width_px: int) -> bytes:
    height_px = round(film.shape[0] * width_px / film.shape[1])
    buffer = io.BytesIO()
    Image.fromarray(film).resize((width_px, height_px)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
