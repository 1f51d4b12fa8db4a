"""Films that viewers and toolkits are known to get wrong, where they are at hand, come out as they should."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from serve_app.domain.errors import CorruptImage, Refused
from serve_app.domain.study import StudyImage
from serve_app.imaging.decode import decode
from serve_app.imaging.preparer import LocalPreparer
from serve_app.settings import PreprocessorSettings
from tests.calls import call

SETTINGS = PreprocessorSettings()


@pytest.fixture(scope="module")
def films(shared_data: Path) -> Path:
    folder = shared_data.parent / "cases" / "films"
    if not folder.is_dir():
        pytest.skip("no folder of known cases beside the real films")
    return folder


@pytest.mark.parametrize(
    ("name", "expected", "tolerance"),
    [
        ("voilut_12_in_16.dcm", "expected_linear.png", 2),
        ("native_item_undefined_length.dcm", "expected_window.png", 2),
        ("jpeg_bot_per_fragment.dcm", "expected_8bit.png", 4),
        ("window_decimal_comma.dcm", "expected_window.png", 2),
        ("empty_lut_items.dcm", "expected_window.png", 2),
        ("jpeg_ycc_no_app0_declared_rgb.dcm", "expected_8bit.png", 4),
        ("preamble_png_polyglot.dcm", "expected_window.png", 2),
    ],
)
def test_a_known_case_is_read_as_its_right_answer(films: Path, name: str, expected: str, tolerance: int) -> None:
    film = decode((films / name).read_bytes(), SETTINGS)
    right = np.asarray(Image.open(films / expected).convert("L")).astype(int)
    assert np.abs(film.pixels - right).max() <= tolerance
    assert film.colour_ratio == 0


def test_behind_a_modality_lut_only_what_lies_above_the_first_entry_is_bright(films: Path) -> None:
    pixels = decode((films / "mlut_signed_voilut_first_40000.dcm").read_bytes(), SETTINGS).pixels
    assert 0 < (pixels > 128).mean() < 0.3


def test_a_compressed_film_cut_in_half_is_truncated(films: Path) -> None:
    with pytest.raises(CorruptImage, match="truncated"):
        decode((films / "jpeg_dicom_cut_in_half.dcm").read_bytes(), SETTINGS)


def test_a_film_of_many_window_values_is_read_without_them(films: Path) -> None:
    assert decode((films / "many_values_300kB.dcm").read_bytes(), SETTINGS).pixels.shape == (64, 64)


@pytest.mark.parametrize(("name", "reason"), [("png8_dark.png", "under-exposed"), ("png8_66x80.png", "too-small")])
async def test_a_film_that_shows_too_little_does_not_pass(films: Path, name: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        await LocalPreparer(SETTINGS).prepare(call(), StudyImage((films / name).read_bytes()))
    assert caught.value.facts["reason"] == reason


def test_letters_burnt_into_a_deep_film_do_not_darken_it(films: Path) -> None:
    pixels = decode((films / "png16_12bit_white_text.png").read_bytes(), SETTINGS).pixels
    right = np.asarray(Image.open(films / "expected_linear.png").convert("L")).astype(int)
    assert (np.abs(pixels - right) > 2).sum() <= (pixels == 255).sum()
