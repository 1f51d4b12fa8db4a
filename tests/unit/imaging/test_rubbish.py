"""Whatever is uploaded, the answer is a film or one of our errors."""

import contextlib
import io
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import dcmread, uid

from serve_app.domain.errors import BadRequest
from serve_app.imaging.decode import decode
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import dicom, lookup_table, png, png_chunks, png_header, ramp, saved, written

SETTINGS = PreprocessorSettings(max_pixels=1_000_000)
QUICK = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def _rle() -> bytes:
    dataset = dcmread(io.BytesIO(dicom(ramp())))
    dataset.compress(uid.RLELossless, encoding_plugin="pydicom")
    return written(dataset, uid.RLELossless)


def _jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.fromarray(ramp()).convert("RGB"), "JPEG", progressive=True, exif=exif)


SEEDS: dict[str, Callable[[], bytes]] = {
    "png": lambda: png(ramp()),
    "png-16": lambda: png(ramp().astype(np.uint16) * 257),
    "jpeg": _jpeg,
    "dicom": lambda: dicom(
        ramp().astype(np.uint16),
        bits_stored=12,
        VOILUTSequence=lookup_table(list(range(4096)), 0, 12),
        ModalityLUTSequence=lookup_table(list(range(4096)), 0, 12),
        PixelPaddingValue=3,
    ),
    "dicom-bare": lambda: dicom(ramp(), syntax=uid.ImplicitVRLittleEndian, has_preamble=False, WindowCenter=9),
    "dicom-deflated": lambda: dicom(ramp(), syntax=uid.DeflatedExplicitVRLittleEndian),
    "dicom-rle": _rle,
}


def decode_or_decline(data: bytes) -> None:
    """Decode; let nothing but our own errors about the input pass."""
    with contextlib.suppress(BadRequest):
        film = decode(data, SETTINGS)
        assert film.pixels.dtype == np.uint8
        assert film.pixels.ndim == 2


@given(data=st.binary(max_size=600))
@example(b"\x89PNG\r\n\x1a\n")
@example(b"\xff\xd8\xff")
@example(bytes(128) + b"DICM")
@example(b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100")
@QUICK
def test_random_bytes_are_declined(data: bytes) -> None:
    decode_or_decline(data)


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", bytes(128) + b"DICM", b"\x08\x00"])
@given(data=st.binary(max_size=600))
@settings(parent=QUICK, max_examples=60)
def test_random_bytes_behind_a_true_start_are_declined(start: bytes, data: bytes) -> None:
    decode_or_decline(start + data)


@pytest.mark.parametrize("first", [(96, 80), (20_000, 20_000), (2**31 - 1, 2**31 - 1), (2**32 - 1, 2**32 - 1)])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_of_two_headers_is_read_or_declined(first: tuple[int, int], bits: int) -> None:
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in ramp()))
    decode_or_decline(png_chunks(png_header(*first, bits, 0), png_header(96, 80, 8, 0), (b"IDAT", rows)))


@pytest.mark.parametrize("kind", SEEDS)
@given(data=st.data())
@QUICK
def test_damaged_files_are_read_or_declined(kind: str, data: st.DataObject) -> None:
    file = bytearray(SEEDS[kind]())
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, min(len(file) - 1, 1500)))
        action = data.draw(st.sampled_from(["set", "cut", "insert", "delete"]))
        if action == "set":
            file[position] = data.draw(st.integers(0, 255))
        elif action == "cut":
            file = file[: position + 1]
        elif action == "insert":
            file[position:position] = data.draw(st.binary(min_size=1, max_size=6))
        elif len(file) > position + 5:
            del file[position : position + data.draw(st.integers(1, 4))]
    decode_or_decline(bytes(file))
