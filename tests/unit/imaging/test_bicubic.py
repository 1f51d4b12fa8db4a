"""Four rows at a time come out as Pillow makes them one by one."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from serve_app.imaging.bicubic import resize

SIDES_PX = st.one_of(st.integers(1, 9), st.integers(10, 400))


def by_pillow(pixels: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize(size_px, Image.Resampling.BICUBIC, reducing_gap=3.0))


@given(st.tuples(SIDES_PX, SIDES_PX), st.tuples(SIDES_PX, SIDES_PX), st.integers(0, 100))
@example((400, 3), (28, 28), 0)
@example((400, 1), (400, 28), 0)
@example((1, 400), (28, 28), 0)
@example((300, 200), (200, 300), 0)
@settings(deadline=None, max_examples=300)
def test_every_pixel_is_pillows(shape: tuple[int, int], size_px: tuple[int, int], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    resized = resize(pixels, size_px)
    assert resized.dtype == np.uint8
    assert np.array_equal(resized, by_pillow(pixels, size_px))


@pytest.mark.parametrize("shape", [(3000, 3000), (2991, 2505), (1023, 2047)])
@pytest.mark.parametrize("side_px", [224, 980])
def test_every_pixel_of_a_large_film_is_pillows(shape: tuple[int, int], side_px: int) -> None:
    pixels = np.random.default_rng(side_px).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(resize(pixels, (side_px, side_px - 3)), by_pillow(pixels, (side_px, side_px - 3)))


def test_a_view_is_resized_as_its_copy() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120), dtype=np.uint8)[::-1, ::2]
    assert np.array_equal(resize(pixels, (28, 56)), resize(pixels.copy(), (28, 56)))
