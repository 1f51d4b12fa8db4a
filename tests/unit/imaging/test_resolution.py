"""What was enlarged from a postage stamp shows no more than the stamp."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from serve_app.imaging.resolution import SIDE_PX, is_fine
from training.phantoms import draw, sample

SEEDS = range(20)


def film(seed: int) -> Image.Image:
    return Image.fromarray(draw(sample(np.random.default_rng(seed))))


def judged(image: Image.Image) -> bool:
    scale = SIDE_PX / min(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    small: NDArray[np.uint8] = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
    return is_fine(np.asarray(image), small, 128)


def enlarged(image: Image.Image, side_px: int, how: Image.Resampling) -> Image.Image:
    scale = side_px / min(image.size)
    small = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    return small.resize(image.size, how)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_film_has_its_detail_at_every_size(seed: int) -> None:
    image = film(seed)
    assert judged(image)
    assert judged(image.resize((image.width // 2 + 80, image.height // 2 + 80), Image.Resampling.BOX))
    assert judged(image.resize((image.width * 4, image.height * 4), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("how", [Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
@pytest.mark.parametrize("seed", range(300, 310))
def test_a_film_enlarged_to_3000_pixels_keeps_its_detail(seed: int, how: Image.Resampling) -> None:
    image = film(seed)
    assert judged(image.resize((3000, round(3000 * image.height / image.width)), how))


@pytest.mark.parametrize("how", [Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_film_enlarged_from_80_pixels_has_none(seed: int, how: Image.Resampling) -> None:
    assert not judged(enlarged(film(seed), 80, how))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_blurred_film_has_none_though_letters_on_it_are_sharp(seed: int) -> None:
    blurred = film(seed).filter(ImageFilter.GaussianBlur(10))
    blurred.paste(255, (20, 20, 60, 34))
    blurred.paste(0, (30, 24, 50, 30))
    assert not judged(blurred)
