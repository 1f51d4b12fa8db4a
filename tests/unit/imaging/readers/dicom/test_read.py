"""DICOM files written here, every variant with the pixels it must give."""

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread, uid

from serve_app.domain.errors import (
    NotAnImage,
    UnsupportedImage,
    UnsupportedTransferSyntax,
)
from serve_app.domain.radiograph import Source
from serve_app.imaging.decode import decode
from tests.unit.imaging.files import dicom, lookup_table, ramp, saved, written
from tests.unit.imaging.readers.dicom.samples import SETTINGS, WINDOW_12, is_close, jpeg2000, recoded, shown, twelve


@pytest.mark.parametrize("bits", [10, 12, 14, 15, 16])
def test_every_depth_with_a_full_window_is_shown_in_full(bits: int) -> None:
    samples = np.rint(ramp() / 255 * ((1 << bits) - 1)).astype(np.uint16)
    film = decode(dicom(samples, bits_stored=bits, WindowCenter=1 << (bits - 1), WindowWidth=1 << bits), SETTINGS)
    assert is_close(film.pixels, ramp())
    assert film.source == Source("DICOM", 96, 80, bits)


def test_monochrome1_is_inverted() -> None:
    data = dicom(4095 - twelve(), bits_stored=12, PhotometricInterpretation="MONOCHROME1", **WINDOW_12)
    assert is_close(shown(data), ramp())


def test_presentation_lut_inverse_is_inverted_and_not_twice_with_monochrome1() -> None:
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        data = dicom(
            4095 - twelve(),
            bits_stored=12,
            PhotometricInterpretation=photometric,
            PresentationLUTShape="INVERSE",
            sop_class=uid.DigitalXRayImageStorageForPresentation,
            **WINDOW_12,
        )
        assert is_close(shown(data), ramp())


def test_rescale_comes_before_the_window() -> None:
    data = dicom(twelve(), bits_stored=12, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3096, WindowWidth=8192)
    assert is_close(shown(data), ramp(), 1)


@pytest.mark.parametrize(
    ("function", "expected"), [("LINEAR", [0, 127, 255]), ("LINEAR_EXACT", [0, 128, 255]), ("SIGMOID", [30, 128, 225])]
)
def test_the_three_window_functions(function: str, expected: list[int]) -> None:
    samples = np.tile(np.array([1000, 2000, 3000], np.uint16), (4, 4))
    data = dicom(samples, bits_stored=12, WindowCenter=2000, WindowWidth=2000, VOILUTFunction=function)
    assert is_close(shown(data)[0, :3], np.array(expected))


@pytest.mark.parametrize(
    ("centers", "widths"),
    [
        ([2048, 10], [4096, 5]),
        ([40, 2048], [0, 4096]),
        ([40, 2048, 10], [-5, 4096, 5]),
        ([40, 2048], [0.5, 4096]),
        (["nan", 2048], [4096, 4096]),
        ([2048, 10], [4096]),
        ([2048], [4096, 5]),
    ],
)
def test_the_first_usable_of_several_windows_counts(centers: list[float], widths: list[float]) -> None:
    data = dicom(twelve(), bits_stored=12, WindowCenter=centers, WindowWidth=widths)
    assert is_close(shown(data), ramp())


def test_a_voi_lut_wins_over_a_window() -> None:
    inverse = [4095 - value for value in range(4096)]
    data = dicom(twelve(), bits_stored=12, VOILUTSequence=lookup_table(inverse, 0, 12), **WINDOW_12)
    assert is_close(shown(data), 255 - ramp())


def test_a_modality_lut_comes_before_the_window() -> None:
    inverse = [4095 - value for value in range(4096)]
    data = dicom(twelve(), bits_stored=12, ModalityLUTSequence=lookup_table(inverse, 0, 12), **WINDOW_12)
    assert is_close(shown(data), 255 - ramp())


def test_a_lut_that_starts_below_zero_meets_signed_samples() -> None:
    signed = (twelve().astype(np.int16) - 2048).astype(np.int16)
    data = dicom(signed, bits_stored=12, VOILUTSequence=lookup_table(list(range(4096)), -2048, 12))
    assert is_close(shown(data), ramp())


def test_a_lut_of_8_bit_entries_packed_into_words_is_unpacked() -> None:
    table = lookup_table([0, 0, 0, 0], 0, 8)
    table[0].LUTDescriptor, table[0].LUTData = [4, 0, 8], bytes([0, 80, 160, 255])
    samples = np.tile(np.array([0, 1, 2, 3], np.uint8), (4, 1))
    assert shown(dicom(samples, VOILUTSequence=table))[0].tolist() == [0, 80, 160, 255]


def test_signed_samples_are_shown_from_their_lowest_value() -> None:
    signed = (twelve().astype(np.int16) - 2048).astype(np.int16)
    assert is_close(shown(dicom(signed, bits_stored=12, WindowCenter=0, WindowWidth=4096)), ramp())


def test_unused_high_bits_are_ignored() -> None:
    dirty = (twelve() | 0xA000).astype(np.uint16)
    assert is_close(shown(dicom(dirty, bits_stored=12, **WINDOW_12)), ramp())


def test_samples_in_the_upper_bits_are_brought_down() -> None:
    high = (twelve() << 4).astype(np.uint16)
    assert is_close(shown(dicom(high, bits_stored=12, HighBit=15, **WINDOW_12)), ramp())


def test_without_a_window_markers_do_not_set_the_contrast() -> None:
    samples = (ramp(256, 256).astype(np.uint16) * 4 + 1000).astype(np.uint16)
    samples[0, :4] = 16383
    pixels = shown(dicom(samples, bits_stored=14))
    assert pixels[-1, -1] >= 250
    assert np.abs(pixels[1:] - ramp(256, 256)[1:]).mean() < 5


def test_an_unusable_window_falls_back() -> None:
    for center, width in ((2048, 0), (2048, -5), ("", "")):
        pixels = shown(dicom(twelve(), bits_stored=12, WindowCenter=center, WindowWidth=width))
        assert pixels.min() == 0
        assert pixels.max() == 255


def test_padding_is_black_and_left_out_of_the_contrast() -> None:
    samples = (twelve() // 8 + 500).astype(np.uint16)
    samples[:, :20] = 4095
    pixels = shown(dicom(samples, bits_stored=12, PixelPaddingValue=4095, PhotometricInterpretation="MONOCHROME1"))
    assert (pixels[:, :20] == 0).all()
    assert pixels[:, 20:].max() == 255


def test_a_padding_range_covers_both_ends() -> None:
    samples = twelve()
    samples[0, :4] = [0, 5, 10, 11]
    data = dicom(samples, bits_stored=12, PixelPaddingValue=0, PixelPaddingRangeLimit=10,
                 PhotometricInterpretation="MONOCHROME1", **WINDOW_12)  # fmt: skip
    assert (shown(data)[0, :4] > 0).tolist() == [False, False, False, True]


def test_8_bit_secondary_capture_equals_the_same_png() -> None:
    data = dicom(ramp(), sop_class=uid.SecondaryCaptureImageStorage)
    assert np.array_equal(decode(data, SETTINGS).pixels, ramp())


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_coloured_secondary_capture_is_converted(photometric: str) -> None:
    grey = np.repeat(ramp()[:, :, None], 3, axis=2)
    picture = Image.fromarray(grey)
    samples = np.asarray(picture.convert("YCbCr") if photometric == "YBR_FULL" else picture)
    data = dicom(samples, sop_class=uid.SecondaryCaptureImageStorage, PhotometricInterpretation=photometric)
    film = decode(data, SETTINGS)
    assert is_close(film.pixels, ramp(), 2)
    assert film.colour_ratio == 0


def test_a_coloured_picture_in_dicom_is_seen_as_coloured() -> None:
    samples = np.zeros((64, 64, 3), np.uint8)
    samples[:, :, 0] = 200
    assert decode(dicom(samples, sop_class=uid.SecondaryCaptureImageStorage), SETTINGS).colour_ratio == 1


@pytest.mark.parametrize(
    ("spacing", "shape"),
    [
        ({"PixelAspectRatio": [2, 1]}, (160, 96)),
        ({"PixelSpacing": [0.1, 0.2]}, (80, 192)),
        ({"ImagerPixelSpacing": [0.2, 0.2]}, (80, 96)),
        ({"PixelSpacing": [0, 0]}, (80, 96)),
        ({"PixelAspectRatio": [1000, 1]}, (80, 96)),
    ],
)
def test_pixels_become_square_where_the_file_says_they_are_not(
    spacing: dict[str, list[float]], shape: tuple[int, int]
) -> None:
    film = decode(dicom(twelve(), bits_stored=12, **WINDOW_12, **spacing), SETTINGS)
    assert film.pixels.shape == shape
    assert (film.source.width_px, film.source.height_px) == (96, 80)


def stored(upright: NDArray[Any], across: str, down: str) -> NDArray[Any]:
    """Store a frontal film so that its rows and columns lead where they are said to."""
    if across[0] in "HF":
        return np.ascontiguousarray(stored(upright, down, across).T)
    turned = upright[:, ::-1] if across[0] == "R" else upright
    return np.ascontiguousarray(turned[::-1] if down[0] == "H" else turned)


DIRECTIONS = [("L", "F"), ("R", "F"), ("L", "H"), ("R", "H"), ("F", "L"), ("F", "R"), ("H", "L"), ("H", "R")]


@pytest.mark.parametrize(("across", "down"), [*DIRECTIONS, ("LA", "FP")])
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "RGB"])
def test_a_frontal_film_is_turned_upright_as_its_file_declares(across: str, down: str, photometric: str) -> None:
    samples, elements = stored(ramp(), across, down), {"PatientOrientation": [across, down]}
    if photometric == "RGB":
        samples = np.repeat(samples[:, :, None], 3, axis=2)
    film = decode(dicom(samples, sop_class=uid.SecondaryCaptureImageStorage, **elements), SETTINGS)
    assert np.array_equal(film.pixels, ramp())
    assert film.pixels.flags.c_contiguous
    assert (film.source.width_px, film.source.height_px) == (96, 80)


def test_pixels_that_are_not_square_turn_along_with_the_film() -> None:
    elements = {"PatientOrientation": ["F", "L"], "PixelSpacing": [0.1, 0.2]}
    across = decode(dicom(stored(ramp(), "F", "L"), **elements), SETTINGS)
    elements = {"PatientOrientation": ["L", "F"], "PixelSpacing": [0.2, 0.1]}
    upright = decode(dicom(ramp(), **elements), SETTINGS)
    assert across.pixels.shape == upright.pixels.shape == (160, 96)
    assert is_close(across.pixels, upright.pixels)


@pytest.mark.parametrize("declared", ["", "R", ["R"], ["R", ""], ["R", "L"], ["F", "H"], ["X", "F"], ["R", "F", "H"]])
def test_an_orientation_that_makes_no_sense_counts_as_none(declared: Any) -> None:
    assert np.array_equal(shown(dicom(ramp(), PatientOrientation=declared)), ramp())


@pytest.mark.parametrize("across", ["A", "P"])
def test_a_lateral_film_looks_the_way_it_is_stored_but_not_upside_down(across: str) -> None:
    assert np.array_equal(shown(dicom(ramp(), PatientOrientation=[across, "F"])), ramp())
    assert np.array_equal(shown(dicom(ramp(), PatientOrientation=[across, "H"])), ramp()[::-1])


@pytest.mark.parametrize(
    "syntax",
    [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian],
)
def test_every_native_syntax_gives_the_same_pixels(syntax: str) -> None:
    plain = dicom(twelve(), bits_stored=12, **WINDOW_12)
    assert np.array_equal(shown(dicom(twelve(), bits_stored=12, syntax=syntax, **WINDOW_12)), shown(plain))


@pytest.mark.parametrize("kind", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    ],
)
def test_a_lookup_table_is_read_in_every_native_syntax(syntax: str, kind: str) -> None:
    table = lookup_table([4095 - value for value in range(4096)], 0, 12)
    if syntax == uid.ExplicitVRBigEndian:
        table[0].LUTData = np.frombuffer(table[0].LUTData, "<u2").astype(">u2").tobytes()
    data = dicom(twelve(), bits_stored=12, syntax=syntax, **{kind: table}, **WINDOW_12)
    assert is_close(shown(data), 255 - ramp())


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian])
def test_a_bare_data_set_without_preamble_is_read(syntax: str) -> None:
    data = dicom(twelve(), bits_stored=12, syntax=syntax, has_preamble=False, **WINDOW_12)
    assert data[128:132] != b"DICM"
    assert is_close(shown(data), ramp())


def test_jpeg_2000_rle_and_baseline_jpeg_decode() -> None:
    samples = (twelve() << 4).astype(np.uint16)
    full = {"WindowCenter": 32768, "WindowWidth": 65536}
    assert is_close(shown(recoded(uid.JPEG2000Lossless, samples, jpeg2000(samples), **full)), ramp(), 2)
    baseline = saved(Image.fromarray(ramp()), "JPEG", quality=98)
    assert is_close(shown(recoded(uid.JPEGBaseline8Bit, ramp(), baseline)), ramp(), 8)
    dataset = dcmread(io.BytesIO(dicom(twelve(), bits_stored=12, **WINDOW_12)))
    dataset.compress(uid.RLELossless, encoding_plugin="pydicom")
    assert is_close(shown(written(dataset, uid.RLELossless)), ramp())


@pytest.mark.parametrize("syntax", [uid.HTJ2KLossless, uid.MPEG2MPML, "1.2.3.4.5"])
def test_a_syntax_without_decoder_is_named(syntax: str) -> None:
    frame = bytearray(saved(Image.fromarray(ramp()), "JPEG"))
    frame[frame.index(b"\xff\xc0") + 4] = 12
    data = recoded(syntax, twelve(), bytes(frame), bits_stored=12)
    with pytest.raises(UnsupportedTransferSyntax) as caught:
        decode(data, SETTINGS)
    assert caught.value.facts == {"transfer_syntax": str(syntax)}
    assert uid.UID(syntax).name in caught.value.message or "unknown" in caught.value.message


@pytest.mark.parametrize(
    "elements",
    [
        {"sop_class": uid.CTImageStorage},
        {"sop_class": uid.DigitalMammographyXRayImageStorageForPresentation},
        {"sop_class": uid.DigitalXRayImageStorageForProcessing},
        {"sop_class": "1.2.3.4"},
        {"PresentationIntentType": "FOR PROCESSING"},
        {"PhotometricInterpretation": "PALETTE COLOR"},
        {"PixelData": None},
        {"BitsAllocated": 32},
        {"BitsStored": 17},
    ],
)
def test_other_kinds_of_dicom_are_refused_as_unsupported(elements: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedImage):
        decode(dicom(twelve(), **elements), SETTINGS)


def test_a_report_in_dicom_is_not_an_image() -> None:
    data = dicom(twelve(), Rows=None, Columns=None, PixelData=None, SOPClassUID=None, has_preamble=False)
    with pytest.raises(NotAnImage):
        decode(data, SETTINGS)
