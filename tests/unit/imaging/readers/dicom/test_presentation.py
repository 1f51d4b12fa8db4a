"""What is optional and unusable in a DICOM file counts as absent, and lookup tables mean what writers mean by them."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.unit.imaging.files import dicom, lookup_table, ramp
from tests.unit.imaging.readers.dicom.samples import WINDOW_12, is_close, replaced, shown, twelve

IDENTITY_12 = list(range(4096))


def film(**elements: Any) -> bytes:
    return dicom(twelve(), bits_stored=12, **(WINDOW_12 | elements))


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("WindowCenter", b"2048,0"),
        ("WindowCenter", b"\\2048"),
        ("WindowCenter", b"x\\2048"),
        ("WindowWidth", b"4096,0"),
        ("WindowWidth", b"\\4096"),
    ],
)
def test_a_window_with_a_decimal_comma_or_behind_an_unusable_one_is_used(keyword: str, value: bytes) -> None:
    other = "WindowWidth" if keyword == "WindowCenter" else "WindowCenter"
    data = replaced(film(), keyword, value)
    if value.count(b"\\"):
        data = replaced(data, other, b"7\\" + (b"4096" if other == "WindowWidth" else b"2048"))
    assert is_close(shown(data), ramp())


OPTIONAL = {
    "WindowCenter": 1,
    "WindowWidth": 1,
    "RescaleSlope": 1,
    "RescaleIntercept": 0,
    "PixelSpacing": [1, 1],
    "ImagerPixelSpacing": [1, 1],
    "NominalScannedPixelSpacing": [1, 1],
    "PixelAspectRatio": [1, 1],
    "PixelPaddingValue": 70,
    "PixelPaddingRangeLimit": 70,
    "VOILUTFunction": "LINEAR",
    "PresentationLUTShape": "IDENTITY",
    "PatientOrientation": ["L", "F"],
    "NumberOfFrames": 1,
    "ShutterShape": "RECTANGULAR",
}


@pytest.mark.parametrize("keyword", OPTIONAL)
@pytest.mark.parametrize(
    "value", [b"", b"\\", b"x", b"1,5,7", b"\xff\xfe\xfd", b"nan", b"1e999", b"1\\2\\3\\4", b"0\\0"]
)
def test_no_value_of_an_optional_element_makes_a_film_unreadable(keyword: str, value: bytes) -> None:
    pixels = shown(replaced(film(**{keyword: OPTIONAL[keyword]}), keyword, value))
    assert min(pixels.shape) >= 80
    assert pixels.max() > pixels.min()


def emptied(table: Sequence, *keywords: str) -> Sequence:
    for keyword in keywords:
        setattr(table[0], keyword, None)
    return table


UNUSABLE = {
    "no items": Sequence([]),
    "an empty item": Sequence([Dataset()]),
    "no data": emptied(lookup_table(IDENTITY_12, 0, 12), "LUTData"),
    "no descriptor": emptied(lookup_table(IDENTITY_12, 0, 12), "LUTDescriptor"),
    "one entry": lookup_table([7], 0, 12),
    "black": lookup_table([0] * 4096, 0, 12),
}


def shortened(table: Sequence) -> Sequence:
    table[0].LUTData = table[0].LUTData[:1000]
    return table


UNUSABLE["short data"] = shortened(lookup_table(IDENTITY_12, 0, 12))


@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize("kind", UNUSABLE)
def test_without_a_usable_table_the_window_and_the_rescaling_count(keyword: str, kind: str) -> None:
    assert is_close(shown(film(**{keyword: UNUSABLE[kind]})), ramp())


def test_the_first_usable_table_of_a_sequence_counts() -> None:
    inverse = lookup_table(IDENTITY_12[::-1], 0, 12)
    assert is_close(shown(film(VOILUTSequence=Sequence([Dataset(), inverse[0]]))), 255 - ramp())


@pytest.mark.parametrize("declared_bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("filled_bits", [9, 10, 12, 14, 16])
def test_a_voi_lut_is_scaled_by_the_bits_that_its_entries_fill(declared_bits: int, filled_bits: int) -> None:
    top = (1 << filled_bits) - 1
    entries = [round(value / 4095 * top) for value in range(4096)]
    pixels = shown(film(VOILUTSequence=lookup_table(entries, 0, declared_bits)))
    assert is_close(pixels, ramp())


def test_a_voi_lut_of_8_bits_that_stays_dark_is_shown_dark() -> None:
    pixels = shown(film(VOILUTSequence=lookup_table([value // 64 for value in range(4096)], 0, 8)))
    assert pixels.max() == np.rint(ramp().max() / 255 * 63)


def spread(values: NDArray[Any]) -> list[int]:
    return [int(value) for value in values]


@pytest.mark.parametrize("first_output", [0, 30_000, 40_000, 61_440])
def test_behind_a_modality_lut_the_first_input_of_a_voi_lut_is_unsigned_though_samples_are_signed(
    first_output: int,
) -> None:
    signed = (twelve().astype(np.int16) - 2048).astype(np.int16)
    to_modality = lookup_table(spread(np.arange(4096) + first_output), -2048, 16)
    data = dicom(
        signed,
        bits_stored=12,
        ModalityLUTSequence=to_modality,
        VOILUTSequence=lookup_table(IDENTITY_12, first_output, 12),
    )
    assert is_close(shown(data), ramp())


@pytest.mark.parametrize("has_lut", [False, True])
def test_a_voi_lut_starts_where_it_says_behind_a_rescaling_to_negative_values(has_lut: bool) -> None:
    table = lookup_table(IDENTITY_12, -1000, 12) if has_lut else None
    window = {"WindowCenter": 1048, "WindowWidth": 4096}
    data = dicom(twelve(), bits_stored=12, RescaleSlope=1, RescaleIntercept=-1000, **window)
    if table is not None:
        data = dicom(twelve(), bits_stored=12, RescaleSlope=1, RescaleIntercept=-1000, VOILUTSequence=table)
    assert is_close(shown(data), ramp())
