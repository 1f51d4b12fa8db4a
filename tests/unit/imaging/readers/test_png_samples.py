"""The quick decoder and Pillow show the same of every plain PNG; all else is Pillow's."""

import contextlib
import io
import math
import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from serve_app.domain.errors import CorruptImage
from serve_app.imaging.decode import decode
from serve_app.imaging.readers import png_samples as png_module
from serve_app.imaging.readers.png_samples import has_every_row, plain_samples, up_to_end
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import png, png_chunks, png_header, ramp, saved

# Left, top, and the steps across and down of the seven passes.
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
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


def size_of(data: bytes) -> tuple[int, int]:
    """Read width and height from where a PNG has them."""
    width, height = struct.unpack(">II", data[16:24].ljust(8))
    return width, height


def with_filter(pixels: Pixels, number: int) -> bytes:
    """Write a grey PNG whose every row says that it is filtered in one way."""
    rows = b"".join(bytes([number]) + row.tobytes() for row in pixels)
    return png_chunks(png_header(pixels.shape[1], pixels.shape[0], 8, 0), (b"IDAT", zlib.compress(rows)))


@given(pictures(), st.integers(0, 9))
@settings(deadline=None)
def test_samples_are_those_that_pillow_reads(pixels: Pixels, compress_level: int) -> None:
    data = png(pixels, compress_level=compress_level)
    samples = plain_samples(data, size_of(data))
    assert samples is not None
    assert samples.dtype == pixels.dtype
    assert np.array_equal(samples, pixels)
    assert np.array_equal(by_pillow(data), pixels)


@pytest.mark.parametrize("number", range(5))
def test_each_of_the_five_filters_is_undone_as_pillow_undoes_it(number: int) -> None:
    data = with_filter(np.random.default_rng(number).integers(0, 256, (37, 53), dtype=np.uint8), number)
    samples = plain_samples(data, size_of(data))
    assert samples is not None
    assert np.array_equal(samples, by_pillow(data))


@given(pictures(), st.data())
@settings(deadline=None, max_examples=300)
def test_a_damaged_file_is_left_to_pillow_or_read_as_pillow_reads_it(pixels: Pixels, data: st.DataObject) -> None:
    file = bytearray(png(pixels))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(8, len(file) - 1))
        file[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    # What declares another size than Pillow read is left alone, and what Pillow reads is within the limits.
    assume(math.prod(size_of(bytes(file))) <= PreprocessorSettings().max_pixels)
    # A file without a proper end is refused before either decoder sees it.
    with contextlib.suppress(CorruptImage):
        whole = up_to_end(bytes(file))
        samples = plain_samples(whole, size_of(whole))
        assert samples is None or np.array_equal(samples, by_pillow(whole))


def noted(keyword: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text(keyword, "what it says")
    return info


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


GREY = Image.fromarray(ramp())
IDATS = [(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in ramp())))]
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
    assert plain_samples(NOT_PLAIN[kind], GREY.size) is None


def test_other_texts_leave_a_file_plain() -> None:
    assert plain_samples(saved(GREY, "PNG", pnginfo=noted("Software")), GREY.size) is not None


@pytest.mark.parametrize("size", [(96, 81), (2**31 - 1, 2**31 - 1), (2**32 - 1, 1)])
def test_a_header_of_another_size_than_was_looked_at_is_not_decoded(size: tuple[int, int]) -> None:
    data = png_chunks(png_header(*size, 8, 0), *IDATS)
    assert plain_samples(data, GREY.size) is None


def test_a_decoder_that_panics_leaves_the_file_to_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        """What pyo3 makes of a panic in Rust."""

    def panic(*_: object) -> None:
        raise PanicException

    monkeypatch.setattr(png_module, "_DECODERS", {(8, 0, 0, 0, 0): (panic, "mono")})
    assert np.array_equal(decode(png(ramp()), PreprocessorSettings()).pixels, ramp())


def test_ending_the_program_is_no_panic(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(png_module, "_DECODERS", {(8, 0, 0, 0, 0): (interrupt, "mono")})
    with pytest.raises(KeyboardInterrupt):
        plain_samples(png(ramp()), GREY.size)


def test_a_turned_png_is_shown_upright() -> None:
    film = decode(saved(GREY, "PNG", exif=turned()), PreprocessorSettings())
    assert np.array_equal(film.pixels, np.rot90(ramp(), -1))
    assert (film.source.width_px, film.source.height_px) == (80, 96)


# Bits a sample, colour type, bytes of one row of 300 pixels with its filter's number.
LAYOUTS = [
    (1, 0, 39), (2, 0, 76), (4, 0, 151), (8, 0, 301), (16, 0, 601), (8, 2, 901), (16, 2, 1801),
    (1, 3, 39), (8, 3, 301), (8, 4, 601), (16, 4, 1201), (8, 6, 1201), (16, 6, 2401),
]  # fmt: skip


@pytest.mark.parametrize(("bits", "colour_type", "row_bytes"), LAYOUTS)
@pytest.mark.parametrize("chunk_bytes", [7, 1 << 20])
def test_a_png_that_lacks_its_last_rows_is_refused(
    bits: int, colour_type: int, row_bytes: int, chunk_bytes: int
) -> None:
    palette = [(b"PLTE", bytes(6))] if colour_type == 3 else []

    def written(num_bytes: int) -> bytes:
        row = b"\0" + (b"\0" if palette else b"\xc8") * (row_bytes - 1)
        rows = zlib.compress((row * 200)[:num_bytes])
        idats = [(b"IDAT", rows[at : at + chunk_bytes]) for at in range(0, len(rows), chunk_bytes)]
        return png_chunks(png_header(300, 200, bits, colour_type), *palette, *idats)

    assert decode(written(200 * row_bytes), PreprocessorSettings()).pixels.shape == (200, 300)
    for num_bytes in (200 * row_bytes - 1, 100 * row_bytes, 0):
        with pytest.raises(CorruptImage):
            decode(written(num_bytes), PreprocessorSettings())


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 61])
@pytest.mark.parametrize("height", [1, 2, 4, 5, 9, 43])
@pytest.mark.parametrize("bits", [1, 8])
def test_an_interlaced_png_is_counted_pass_by_pass(width: int, height: int, bits: int) -> None:
    columns = [range(left, width, across) for left, _, across, _ in ADAM7]
    rows = [range(top, height, down) for _, top, _, down in ADAM7]
    num_due = sum(
        len(down) * (1 + (len(across) * bits + 7) // 8) for across, down in zip(columns, rows, strict=True) if across
    )
    header = png_header(width, height, bits, 0, is_interlaced=True)
    for num_bytes, is_whole in ((num_due, True), (num_due - 1, False)):
        data = png_chunks(header, (b"IDAT", zlib.compress(bytes(num_bytes))))
        assert has_every_row(data, (width, height)) is is_whole
    assert by_pillow(png_chunks(header, (b"IDAT", zlib.compress(bytes(num_due))))).shape == (height, width)


def test_an_interlaced_png_whose_last_row_came_early_is_counted_too() -> None:
    rows = b"".join(
        (b"\0" + b"\xc8" * len(range(left, 61, across))) * len(range(top, 43, down))
        for left, top, across, down in ADAM7
    )
    header = png_header(61, 43, 8, 0, is_interlaced=True)
    assert (decode(png_chunks(header, (b"IDAT", zlib.compress(rows))), PreprocessorSettings()).pixels == 200).all()
    with pytest.raises(CorruptImage):
        decode(png_chunks(header, (b"IDAT", zlib.compress(rows[: -61 * 10]))), PreprocessorSettings())


def test_a_small_png_that_expands_without_end_is_not_held() -> None:
    header = png_header(2000, 2000, 8, 6)
    data = png_chunks(header, (b"IDAT", zlib.compress(bytes(100_000_000))))
    tracemalloc.start()
    try:
        assert has_every_row(data, (2000, 2000))
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
