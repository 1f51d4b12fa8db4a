"""A film is judged and shown as it was exposed: without wide borders, bright enough, and otherwise untouched."""

import numpy as np
import pytest
from numpy.typing import NDArray

from serve_app.domain.radiograph import Correction, Source
from serve_app.imaging.film import count_middle_levels, middle_range, readable
from serve_app.imaging.picture import Picture
from training.phantoms import draw, sample

Pixels = NDArray[np.uint8]


def film(seed: int) -> Pixels:
    return draw(sample(np.random.default_rng(seed)))


def picture(pixels: Pixels) -> Picture:
    return Picture(pixels, Source("PNG", pixels.shape[1], pixels.shape[0], 8))


def scaled(pixels: Pixels, gain: float, base: float = 0.0) -> Pixels:
    rescaled: Pixels = np.rint(pixels * gain + base).astype(np.uint8)
    return rescaled


@pytest.mark.parametrize("seed", range(20))
def test_a_well_exposed_film_keeps_every_pixel(seed: int) -> None:
    pixels = film(seed)
    assert readable(picture(pixels)).pixels is pixels
    assert readable(picture(pixels)).corrections == ()


@pytest.mark.parametrize(
    ("gain", "base", "correction"),
    [
        (0.06, 0, Correction.BRIGHTNESS_RESTORED),
        (0.3, 0, Correction.BRIGHTNESS_RESTORED),
        (0.08, 120, Correction.CONTRAST_RESTORED),
        (0.15, 200, Correction.CONTRAST_RESTORED),
        (0.1, 5, Correction.BRIGHTNESS_RESTORED),
    ],
)
def test_a_dark_or_flat_film_comes_out_as_a_bright_one(gain: float, base: float, correction: Correction) -> None:
    for seed in range(5):
        bright = film(seed)
        restored = readable(picture(scaled(bright, gain, base)))
        assert restored.corrections == (correction,)
        assert np.corrcoef(restored.pixels.ravel(), bright.ravel())[0, 1] > 0.97
        assert middle_range(restored.pixels)[1] == pytest.approx(190, abs=2)


def test_letters_and_hot_pixels_do_not_keep_a_film_dark() -> None:
    dark = scaled(film(1), 0.1)
    marked = dark.copy()
    marked[10:40, 20:120] = 255
    marked[200, 200] = 255
    restored, plain = readable(picture(marked)), readable(picture(dark))
    is_film = marked != 255
    assert np.abs(restored.pixels[is_film].astype(int) - plain.pixels[is_film]).max() <= 20


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_uniform_picture_has_nothing_to_restore(level: int) -> None:
    uniform = picture(np.full((300, 200), level, np.uint8))
    assert readable(uniform) == uniform
    assert count_middle_levels(uniform.pixels) == 1


@pytest.mark.parametrize("grey", [0, 90, 255])
@pytest.mark.parametrize("seed", range(4))
def test_wide_borders_are_cropped_whatever_is_written_on_them(grey: int, seed: int) -> None:
    pixels = film(seed)
    height_px, width_px = pixels.shape
    bordered = np.pad(pixels, ((200, 300), (400, 250)), constant_values=grey)
    bordered[20:30, 20:40] = 255 - grey
    cropped = readable(picture(bordered))
    assert cropped.corrections == (Correction.BORDERS_CROPPED,)
    assert abs(cropped.pixels.shape[0] - height_px) <= 0.12 * height_px
    assert abs(cropped.pixels.shape[1] - width_px) <= 0.12 * width_px


def test_no_visible_part_of_a_film_is_cropped() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (301, 407), dtype=np.uint8)
    bordered = np.pad(noise, ((333, 151), (707, 209)))
    inner = readable(picture(bordered)).pixels
    step_px = 2 * max(side // 256 for side in bordered.shape)
    assert all(0 <= kept - side <= 2 * step_px for kept, side in zip(inner.shape, noise.shape, strict=True))
    assert np.count_nonzero(inner) == np.count_nonzero(noise)


def test_narrow_borders_stay() -> None:
    pixels = np.pad(np.random.default_rng(0).integers(0, 256, (400, 400), dtype=np.uint8), 30)
    assert readable(picture(pixels)).pixels is pixels


def test_a_dark_film_on_a_white_page_is_cropped_and_restored() -> None:
    page = np.pad(scaled(film(2), 0.2), 200, constant_values=255)
    shown = readable(picture(page))
    assert shown.corrections == (Correction.BORDERS_CROPPED, Correction.BRIGHTNESS_RESTORED)
    assert middle_range(shown.pixels)[1] == pytest.approx(190, abs=2)
