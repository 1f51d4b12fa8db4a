"""The quick decoder and Pillow show the same of every plain PNG; all else is Pillow's."""

import io
import math
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from serve_app.imaging.decode import decode
from serve_app.imaging.png import plain_samples
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import png, ramp, saved

KINDS = (((), np.uint8), ((3,), np.uint8), ((), np.uint16))
Pixels = NDArray[Any]


@st.composite
def pictures(draw: st.DrawFn) -> Pixels:
    channels, dtype = draw(st.sampled_from(KINDS))
    shape = (*draw(st.tuples(st.integers(1, 40), st.integers(1, 40))), *channels)
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    noise = rng.integers(0, draw(st.sampled_from((2, 40, 256))), shape)
    # Smooth rows and rough ones: an encoder chooses among all five filters.
    return (noise.cumsum(axis=draw(st.integers(0, 1)))).astype(dtype)


def by_pillow(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        return np.asarray(image)


def with_filter(pixels: Pixels, number: int) -> bytes:
    """Write a grey PNG whose every row says that it is filtered in one way."""
    rows = b"".join(bytes([number]) + row.tobytes() for row in pixels)
    header = struct.pack(">II5B", pixels.shape[1], pixels.shape[0], 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


@given(pictures(), st.integers(0, 9))
@settings(deadline=None)
def test_samples_are_those_that_pillow_reads(pixels: Pixels, compress_level: int) -> None:
    data = png(pixels, compress_level=compress_level)
    samples = plain_samples(data)
    assert samples is not None
    assert samples.dtype == pixels.dtype
    assert np.array_equal(samples, pixels)
    assert np.array_equal(by_pillow(data), pixels)


@pytest.mark.parametrize("number", range(5))
def test_each_of_the_five_filters_is_undone_as_pillow_undoes_it(number: int) -> None:
    data = with_filter(np.random.default_rng(number).integers(0, 256, (37, 53), dtype=np.uint8), number)
    samples = plain_samples(data)
    assert samples is not None
    assert np.array_equal(samples, by_pillow(data))


@given(pictures(), st.data())
@settings(deadline=None, max_examples=300)
def test_a_damaged_file_is_left_to_pillow_or_read_as_pillow_reads_it(pixels: Pixels, data: st.DataObject) -> None:
    file = bytearray(png(pixels))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(8, len(file) - 1))
        file[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    # Larger pictures never come this far, and without the memory for them the decoder panics.
    assume(math.prod(struct.unpack(">II", file[16:24].ljust(8))) <= PreprocessorSettings().max_pixels)
    samples = plain_samples(bytes(file))
    assert samples is None or np.array_equal(samples, by_pillow(bytes(file)))


def noted(keyword: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text(keyword, "what it says")
    return info


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


GREY = Image.fromarray(ramp())
NOT_PLAIN = {
    "palette": saved(GREY.convert("P"), "PNG"),
    "alpha": saved(GREY.convert("LA"), "PNG"),
    "one bit": saved(GREY.convert("1"), "PNG"),
    "transparent value": saved(GREY, "PNG", transparency=0),
    "transparent colour": saved(GREY.convert("RGB"), "PNG", transparency=(0, 0, 0)),
    "animation": saved(GREY, "PNG", save_all=True, append_images=[Image.new("L", GREY.size)]),
    "EXIF": saved(GREY, "PNG", exif=turned()),
    "EXIF as text": saved(GREY, "PNG", pnginfo=noted("Raw profile type exif")),
    "XMP": saved(GREY, "PNG", pnginfo=noted("XML:com.adobe.xmp")),
    "no PNG": saved(GREY, "JPEG"),
    "interlaced": png(ramp())[:28] + b"\x01" + png(ramp())[29:],
}


@pytest.mark.parametrize("kind", NOT_PLAIN)
def test_what_may_be_shown_otherwise_than_it_is_stored_is_left_to_pillow(kind: str) -> None:
    assert plain_samples(NOT_PLAIN[kind]) is None


def test_other_texts_leave_a_file_plain() -> None:
    assert plain_samples(saved(GREY, "PNG", pnginfo=noted("Software"))) is not None


def test_a_turned_png_is_shown_upright() -> None:
    film = decode(saved(GREY, "PNG", exif=turned()), PreprocessorSettings())
    assert np.array_equal(film.pixels, np.rot90(ramp(), -1))
    assert (film.source.width_px, film.source.height_px) == (80, 96)
