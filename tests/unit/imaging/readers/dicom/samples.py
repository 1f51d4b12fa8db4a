"""Twelve-bit samples in DICOM files, and how close a decoded film must come to them."""

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.encaps import encapsulate

from serve_app.imaging.decode import decode
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import dicom, ramp, saved, written

SETTINGS = PreprocessorSettings()
WINDOW_12 = {"WindowCenter": 2048, "WindowWidth": 4096}


def twelve(picture: NDArray[np.uint8] | None = None) -> NDArray[np.uint16]:
    """Spread a picture over 12 bits."""
    return np.rint((ramp() if picture is None else picture) / 255 * 4095).astype(np.uint16)


def recoded(syntax: str, samples: NDArray[Any], frame: bytes, **elements: Any) -> bytes:
    """Write a file whose pixel data is a ready codestream."""
    dataset = dcmread(io.BytesIO(dicom(samples, **elements)))
    dataset.add_new("PixelData", "OB", encapsulate([frame]))
    dataset["PixelData"].is_undefined_length = True
    return written(dataset, syntax)


def recoded_as(syntax: str, samples: NDArray[Any], fragments: list[bytes], **elements: Any) -> bytes:
    """Write a file whose pixel data is made of these items, the offset table included."""
    whole = recoded(syntax, samples, bytes(2), **elements)
    start = whole.index(b"\xe0\x7f\x10\x00OB") + 12
    items = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item for item in fragments)
    return whole[:start] + items + b"\xfe\xff\xdd\xe0" + bytes(4)


def element(keyword: str, vr: str, value: bytes) -> bytes:
    """Write one element in explicit VR, or in implicit VR where `vr` is empty."""
    tag = tag_for_keyword(keyword) or 0
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not vr:
        return head + struct.pack("<I", len(value)) + value
    length = struct.pack("<HI", 0, len(value)) if vr in ("OW", "OB", "SQ", "UN") else struct.pack("<H", len(value))
    return head + vr.encode() + length + value


def replaced(data: bytes, keyword: str, value: bytes) -> bytes:
    """Give an element of a file in explicit VR with short lengths another value, of any text."""
    tag = tag_for_keyword(keyword) or 0
    at = data.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF))
    vr, length = data[at + 4 : at + 6].decode(), int.from_bytes(data[at + 6 : at + 8], "little")
    return data[:at] + element(keyword, vr, value) + data[at + 8 + length :]


def jpeg2000(samples: NDArray[Any]) -> bytes:
    return saved(Image.fromarray(samples), "JPEG2000", irreversible=False, no_jp2=True)


def shown(data: bytes, settings: PreprocessorSettings = SETTINGS) -> NDArray[np.int64]:
    """Decode to signed numbers, so that differences can be taken."""
    return decode(data, settings).pixels.astype(np.int64)


def is_close(pixels: NDArray[Any], expected: NDArray[Any], tolerance: int = 1) -> bool:
    return pixels.shape == expected.shape and bool(np.abs(pixels.astype(int) - expected).max() <= tolerance)
