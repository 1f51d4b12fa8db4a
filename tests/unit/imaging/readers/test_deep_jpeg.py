"""JPEG files of 12 bits a sample, drawn and written by code."""

import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.errors import CorruptImage, UnsupportedImage, UploadTooLarge
from serve_app.domain.radiograph import Source
from serve_app.imaging.decode import decode
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import ramp, saved

SETTINGS = PreprocessorSettings()
FILM = np.kron(ramp(20, 25), np.ones((8, 8), np.uint8))


def twelve_bits(film: NDArray[np.uint8]) -> bytes:
    """Write a film of shape (height, width), multiples of 8, spread over 12 bits; each block of 8 x 8 has one grey.

    Source: ITU-T T.81 B.2 and F.1.2: a size in four bits for each block, and no coefficient but the first.
    """
    greys = np.rint(film[::8, ::8] / 255 * 4095).astype(int).ravel()
    bits = "".join(coded(difference) + "0" for difference in np.diff(greys, prepend=2048))
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    sizes, no_more = bytes([0, 0, 0, 13]) + bytes(12) + bytes(range(13)), bytes([1]) + bytes(15) + b"\0"
    segments = [
        (0xDB, b"\0" + bytes([8]) * 64),
        (0xC1, struct.pack(">BHHB", 12, *film.shape, 1) + b"\1\x11\0"),
        (0xC4, b"\0" + sizes),
        (0xC4, b"\x10" + no_more),
        (0xDA, b"\1\1\0\0\x3f\0"),
    ]
    head = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
    return b"\xff\xd8" + head + scan + b"\xff\xd9"


def coded(difference: int) -> str:
    """Return the size of a difference in four bits, and then the difference in as many bits as that."""
    size = int(abs(difference)).bit_length()
    value = difference if difference >= 0 else difference + (1 << size) - 1
    return f"{size:04b}" + (f"{value:0{size}b}" if size else "")


def turned(data: bytes, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    segment = exif.tobytes()
    return data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]


def test_a_film_is_read() -> None:
    film = decode(twelve_bits(FILM), SETTINGS)
    assert film.source == Source("JPEG", 160, 200, 12)
    assert film.colour_ratio == 0
    assert np.abs(film.pixels.astype(int) - FILM).max() <= 3


def test_an_exif_orientation_turns_it() -> None:
    film = decode(turned(twelve_bits(FILM), 6), SETTINGS)
    assert film.source == Source("JPEG", 200, 160, 12)
    assert np.abs(film.pixels.astype(int) - np.rot90(FILM, -1)).max() <= 3


def test_its_size_is_looked_at_first() -> None:
    with pytest.raises(UploadTooLarge, match="too many pixels"):
        decode(twelve_bits(FILM), PreprocessorSettings(max_pixels=31_999))


def test_without_an_end_it_is_truncated() -> None:
    with pytest.raises(CorruptImage, match="truncated"):
        decode(twelve_bits(FILM)[:-10], SETTINGS)


def test_colours_are_refused_by_name() -> None:
    data = bytearray(saved(Image.fromarray(np.dstack([FILM] * 3)), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(UnsupportedImage, match="12 bits"):
        decode(bytes(data), SETTINGS)
