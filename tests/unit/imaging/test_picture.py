"""An RGB film that is grey is told from a coloured one, and shown as any other way would show it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from serve_app.imaging import picture as module
from serve_app.imaging.picture import colour_ratio, grey, luma_and_colour, only_channel, shown, strips
from tests.unit.imaging.files import ramp


@st.composite
def rgb_pictures(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Draw a grey picture of three channels, or one that differs from it in a single sample or everywhere."""
    height_px, width_px = draw(st.tuples(st.integers(1, 60), st.integers(1, 60)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    picture = np.repeat(rng.integers(0, 256, (height_px, width_px, 1), dtype=np.uint8), 3, axis=2)
    kind = draw(st.sampled_from(("grey", "one sample", "coloured")))
    if kind == "one sample":
        at = tuple(draw(st.integers(0, length - 1)) for length in picture.shape)
        picture[at] ^= 1
    return rng.integers(0, 256, picture.shape, dtype=np.uint8) if kind == "coloured" else picture


@given(rgb_pictures())
@settings(deadline=None, max_examples=300)
def test_luma_and_coloured_share_are_those_of_the_picture_converted(picture: NDArray[np.uint8]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STRIP_PX", 700)
        luma, coloured = luma_and_colour(Image.fromarray(picture))
        channel = only_channel(picture)
    assert np.array_equal(luma, grey(Image.fromarray(picture)))
    assert coloured == colour_ratio(Image.fromarray(picture))
    is_grey = bool((picture == picture[:, :, :1]).all())
    assert (channel is not None) == is_grey
    if channel is not None:
        assert np.array_equal(channel, luma)
        assert coloured == 0


def test_any_single_sample_that_differs_is_seen() -> None:
    for at in np.ndindex(4, 5, 3):
        picture = np.repeat(ramp(5, 4)[:, :, None], 3, axis=2)
        picture[at] ^= 1
        assert only_channel(picture) is None, at
        assert np.array_equal(luma_and_colour(Image.fromarray(picture))[0], grey(Image.fromarray(picture))), at


@given(st.integers(1, 3000), st.integers(1, 600_000))
def test_strips_cover_every_row_once(height_px: int, width_px: int) -> None:
    rows = [row for strip in strips(height_px, width_px) for row in range(*strip.indices(height_px))]
    assert rows == list(range(height_px))


@pytest.mark.parametrize("bits", [8, 10, 12, 15])
def test_letters_and_hot_pixels_do_not_darken_a_deep_film(bits: int) -> None:
    film = (np.linspace(0, (1 << bits) - 1, 400)[:, None] * np.ones((1, 300))).astype(np.uint16)
    marked = film.copy()
    marked[5, 5] = 1 << bits
    if bits < 15:
        marked[20:50, 30:130] = 65535
    is_film = marked == film
    assert np.array_equal(shown(marked)[0][is_film], shown(film)[0][is_film])
    assert shown(marked)[0][~is_film].min() == 255


def test_a_film_that_fills_its_depth_thinly_is_not_clipped() -> None:
    film = np.linspace(0, 1, 200_000).reshape(400, 500) ** 3 * 65535
    assert np.abs(shown(film.astype(np.uint16))[0] - film / 257).max() <= 1
