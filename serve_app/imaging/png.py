"""A plain PNG to its samples, by a decoder in Rust that needs a third of Pillow's time; all else is left to Pillow.

Knows nothing about limits or display: who calls has looked at the header.
"""

import struct
from collections.abc import Iterator

import numpy as np
from kornia_rs import io as kornia_io
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Samples = NDArray[np.uint8] | NDArray[np.uint16]

# Bits a sample, colour type, compression, filter method, interlacing. RGB of 16 bits is Pillow's, which cuts it down in
# its own way.
_GREY, _RGB, _DEEP_GREY = (8, 0, 0, 0, 0), (8, 2, 0, 0, 0), (16, 0, 0, 0, 0)
_PLAIN = {_GREY, _RGB, _DEEP_GREY}
# Transparency, animation, rotation: a file with one of these may be shown otherwise than by its samples alone.
_SPECIAL_CHUNKS = frozenset({b"tRNS", b"acTL", b"eXIf"})
_TEXT_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_ROTATING_TEXTS = (b"Raw profile type", b"XML:com.adobe.xmp")


def plain_samples(data: bytes) -> Samples | None:
    """Decode a whole PNG file of grey or RGB samples that are shown as they are stored.

    Returns:
        A new array, uint8 or uint16 of shape (height, width), or uint8 of shape (height, width, 3). None for other
        kinds of PNG and for damaged ones, of which Pillow says what they are.

    Source: PNG specification, third edition, 5 and 11.
    """
    if len(data) < 33 or data[12:16] != b"IHDR":
        return None
    width_px, height_px, *layout = struct.unpack(">II5B", data[16:29])
    kind = tuple(layout)
    if kind not in _PLAIN or any(_is_special(*chunk) for chunk in _chunks(data)):
        return None
    decode = kornia_io.decode_image_png_u16 if kind == _DEEP_GREY else kornia_io.decode_image_png_u8
    try:
        samples: Samples = decode(data, (height_px, width_px), "rgb" if kind == _RGB else "mono")
    except Exception:  # noqa: BLE001 - it raises nothing narrower, and Pillow judges the file again
        return None
    return samples if kind == _RGB else samples[:, :, 0]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk's type, and how its content begins."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length_bytes, kind = struct.unpack(">I4s", data[at : at + 8])
        yield kind, data[at + 8 : at + 8 + min(length_bytes, 32)]
        at += 12 + length_bytes


def _is_special(kind: bytes, start: bytes) -> bool:
    return kind in _SPECIAL_CHUNKS or (kind in _TEXT_CHUNKS and start.startswith(_ROTATING_TEXTS))
