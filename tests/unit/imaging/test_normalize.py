"""Preparation keeps the film's proportions and names it the same for ever."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.domain.radiograph import PATCH_UNIT_PX
from serve_app.imaging.normalize import digest, fit_tokens, normalize
from tests.unit.imaging.files import ramp


@given(width=st.integers(64, 4000), height=st.integers(64, 4000), budget=st.integers(4, 1280))
@settings(deadline=None)
def test_the_grid_stays_within_the_budget_and_holds_the_film_closely(width: int, height: int, budget: int) -> None:
    columns, rows = fit_tokens(width, height, budget)
    assert 1 <= columns * rows <= budget
    scale = min(columns / width, rows / height)
    # At most one row and one column of tokens stay empty.
    assert columns - width * scale < 1 + 1e-6
    assert rows - height * scale < 1 + 1e-6 or columns == budget // rows


@given(width=st.integers(64, 900), height=st.integers(64, 900), budget=st.integers(16, 400))
@settings(deadline=None, max_examples=40)
def test_the_aspect_ratio_is_kept(width: int, height: int, budget: int) -> None:
    pixels = normalize(np.full((height, width), 255, np.uint8), budget)
    assert pixels.dtype == np.uint8
    assert pixels.shape[0] % PATCH_UNIT_PX == pixels.shape[1] % PATCH_UNIT_PX == 0
    rows, columns = (int((pixels[:, :, 0].max(axis=axis) > 0).sum()) for axis in (1, 0))
    # Rounding to whole pixels moves each side by at most half a pixel.
    assert abs(columns * height - rows * width) <= 0.5 * (width + height) + 1


def test_the_digest_is_this_one_for_ever() -> None:
    pixels = normalize(ramp(300, 250), 36)
    assert digest(pixels) == digest(pixels.copy())
    assert digest(np.zeros((28, 28, 3), np.uint8)) == "f2ad7c3abcd00a38b2c2ff14b1dd09d62942308751b3a03413dfd9b5b1f0eccc"


def test_one_grey_level_or_another_shape_is_another_digest() -> None:
    pixels = normalize(ramp(300, 250), 36)
    other = pixels.copy()
    other[0, 0, 0] ^= 1
    assert len({digest(pixels), digest(other), digest(pixels.transpose(1, 0, 2))}) == 3
