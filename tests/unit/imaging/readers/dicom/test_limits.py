"""DICOM files that are too large, broken or lying: refused in our own words."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from pydicom import uid

from serve_app.domain.errors import (
    ClaraError,
    CorruptImage,
    NotAnImage,
    UnsupportedImage,
    UploadTooLarge,
)
from serve_app.imaging.decode import decode
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import dicom, ramp, saved
from tests.unit.imaging.readers.dicom.samples import SETTINGS, WINDOW_12, is_close, jpeg2000, recoded, shown, twelve


def test_several_frames_are_refused_and_the_first_is_read_where_allowed() -> None:
    frames = np.concatenate([twelve(), 4095 - twelve()])
    data = dicom(frames, bits_stored=12, Rows=80, NumberOfFrames=2, **WINDOW_12)
    with pytest.raises(UploadTooLarge) as caught:
        decode(data, SETTINGS)
    assert caught.value.facts == {"limit": 1, "unit": "frames"}
    assert is_close(shown(data, PreprocessorSettings(max_frames=2)), ramp())


def test_more_pixels_than_allowed_are_refused_before_decoding() -> None:
    with pytest.raises(UploadTooLarge):
        decode(dicom(twelve(), Rows=65535, Columns=65535), SETTINGS)


def test_a_codestream_larger_than_its_header_is_refused() -> None:
    huge = jpeg2000(np.zeros((600, 600), np.uint16))
    with pytest.raises(CorruptImage, match="do not match"):
        decode(recoded(uid.JPEG2000Lossless, twelve(), huge), SETTINGS)


def test_a_deflated_bomb_is_refused_without_being_inflated() -> None:
    head = dicom(twelve(), syntax=uid.DeflatedExplicitVRLittleEndian)
    start = 132 + 12 + struct.unpack_from("<I", head, 140)[0]
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = bytes(1_000_000)
    bomb = b"".join(deflater.compress(zeros) for _ in range(40)) + deflater.flush()
    settings = PreprocessorSettings(max_pixels=1_000_000)
    with pytest.raises(UploadTooLarge):
        decode(head[:start] + bomb, settings)


def test_a_run_length_bomb_is_refused() -> None:
    segment = b"\x81\x00" * 200_000
    frame = struct.pack("<16L", 2, 64, 64 + len(segment), *[0] * 13) + segment * 2
    with pytest.raises(CorruptImage, match="damaged"):
        decode(recoded(uid.RLELossless, twelve(), frame, bits_stored=12), SETTINGS)


def test_a_truncated_file_is_corrupt() -> None:
    data = dicom(twelve(), bits_stored=12, **WINDOW_12)
    for length in range(140, len(data) - 2, 501):
        with pytest.raises((CorruptImage, NotAnImage, UnsupportedImage)):
            decode(data[:length], SETTINGS)


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_part_of_a_jpeg_frame_is_corrupt_though_it_ends_as_a_whole_one(syntax: str, mode: str) -> None:
    picture = Image.fromarray(ramp(300, 200)).convert(mode)
    frame = saved(picture, "JPEG")
    kind = {"sop_class": uid.SecondaryCaptureImageStorage}
    assert shown(recoded(syntax, np.asarray(picture), frame, **kind)).shape == (200, 300)
    start = frame.index(b"\xff\xda")
    for share in (0.2, 0.5, 0.9):
        part = frame[: start + int((len(frame) - start) * share)].rstrip(b"\xff") + b"\xff\xd9"
        with pytest.raises(CorruptImage):
            decode(recoded(syntax, np.asarray(picture), part, **kind), SETTINGS)


def test_no_error_repeats_a_word_of_the_patient() -> None:
    data = dicom(twelve(), sop_class=uid.CTImageStorage)
    assert b"Bi^Mat" in data
    for broken in (data, data[:700], data.replace(b"CS", b"XX")):
        with pytest.raises(ClaraError) as caught:
            decode(broken, SETTINGS)
        assert "Mat" not in f"{caught.value.args}{caught.value.facts}"
