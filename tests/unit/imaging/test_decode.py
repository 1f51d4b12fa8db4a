"""PNG and JPEG files become the film a viewer would show."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from serve_app.domain.errors import CorruptImage, EmptyUpload, NotAnImage, UnsupportedImage, UploadTooLarge
from serve_app.domain.radiograph import Source
from serve_app.imaging.decode import decode
from serve_app.imaging.picture import colour_ratio
from serve_app.imaging.readers import codestream
from serve_app.imaging.readers.codestream import num_jpeg_scans
from serve_app.settings import PreprocessorSettings
from tests.unit.imaging.files import dicom, png, png_chunks, png_claiming, png_header, ramp, saved

SETTINGS = PreprocessorSettings()


def deep_colour(colour_type: int, *channels: NDArray[np.uint16]) -> bytes:
    """Write channels as a PNG of 16 bits a sample."""
    height, width = channels[0].shape
    rows = b"".join(b"\0" + row.tobytes() for row in np.stack(channels, axis=2).astype(">u2"))
    return png_chunks(png_header(width, height, 16, colour_type), (b"IDAT", zlib.compress(rows)))


def test_a_grey_png_comes_through_unchanged() -> None:
    film = decode(png(ramp()), SETTINGS)
    assert np.array_equal(film.pixels, ramp())
    assert film.source == Source("PNG", 96, 80, 8)
    assert film.colour_ratio == 0


@pytest.mark.parametrize("bits", range(8, 17))
def test_a_deep_png_is_scaled_by_the_depth_its_samples_fill(bits: int) -> None:
    top = (1 << bits) - 1
    deep = np.rint(ramp() / 255 * top).astype(np.uint16)
    film = decode(png(deep), SETTINGS)
    assert film.source.bits_stored == 16
    assert np.abs(film.pixels.astype(int) - ramp()).max() <= 1


@pytest.mark.parametrize("bits", range(8, 17))
def test_a_deep_film_saved_as_colour_is_scaled_alike(bits: int) -> None:
    deep = np.rint(ramp() / 255 * ((1 << bits) - 1)).astype(np.uint16)
    film = decode(deep_colour(2, deep, deep, deep), SETTINGS)
    assert np.array_equal(film.pixels, decode(png(deep), SETTINGS).pixels)
    assert (film.source.bits_stored, film.colour_ratio) == (16, 0)


def test_deep_colours_are_seen_as_colours() -> None:
    deep = np.rint(ramp() / 255 * 4095).astype(np.uint16)
    film = decode(deep_colour(2, deep, deep // 8, deep // 8), SETTINGS)
    plain = np.stack([ramp(), ramp() // 8, ramp() // 8], axis=2)
    assert film.colour_ratio == pytest.approx(decode(png(plain), SETTINGS).colour_ratio, abs=0.05)
    assert np.abs(film.pixels.astype(int) - decode(png(plain), SETTINGS).pixels).max() <= 2


@pytest.mark.parametrize(("colour_type", "num_colours"), [(4, 1), (6, 3)])
def test_a_deep_png_with_alpha_is_read_where_its_samples_fill_it_and_named_where_not(
    colour_type: int, num_colours: int
) -> None:
    opaque = np.full(ramp().shape, 65535, np.uint16)
    film = decode(deep_colour(colour_type, *[ramp().astype(np.uint16) * 257] * num_colours, opaque), SETTINGS)
    assert np.array_equal(film.pixels, ramp())
    with pytest.raises(UnsupportedImage, match="16 bits"):
        decode(deep_colour(colour_type, *[ramp().astype(np.uint16) * 16] * num_colours, opaque), SETTINGS)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16])
def test_the_transparent_grey_of_any_depth_is_black(bits: int) -> None:
    top = (1 << bits) - 1
    file_bits = bits if bits <= 8 else 16
    samples = np.tile(np.array([top, top // 2, 0, top], np.uint16), (64, 16))
    samples[:32] = top // 2
    shifts = range(8 - file_bits, -1, -file_bits)
    if file_bits < 8:
        spread = samples.reshape(64, -1, len(shifts))
        packed = sum(spread[:, :, at] << shift for at, shift in enumerate(shifts)).astype(np.uint8)
    else:
        packed = samples.astype(">u2" if file_bits == 16 else np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    transparent = (b"tRNS", struct.pack(">H", top))
    header = png_header(64, 64, file_bits, 0)
    opaque = decode(png_chunks(header, (b"IDAT", zlib.compress(rows))), SETTINGS).pixels
    film = decode(png_chunks(header, transparent, (b"IDAT", zlib.compress(rows))), SETTINGS)
    is_transparent = samples == top
    assert (opaque[is_transparent] == 255).all()
    assert (film.pixels[is_transparent] == 0).all()
    assert (film.pixels[samples == top // 2] > 0).all() == (bits > 1)


@pytest.mark.parametrize("bits", range(8, 17))
def test_every_sample_of_a_deep_png_is_rounded_as_in_double_precision(bits: int) -> None:
    samples = np.arange(1 << bits, dtype=np.uint16).reshape(-1, 64)
    assert np.array_equal(decode(png(samples), SETTINGS).pixels, np.rint(samples / ((1 << bits) - 1) * 255))


def test_a_16_bit_png_is_not_white() -> None:
    film = decode(png(ramp().astype(np.uint16) * 257), SETTINGS)
    assert np.array_equal(film.pixels, ramp())


def test_transparent_parts_are_black_and_half_transparent_ones_half_as_bright() -> None:
    rgba = np.full((64, 64, 4), 200, np.uint8)
    rgba[:32, :, 3], rgba[32:, :, 3] = 0, 128
    film = decode(png(rgba), SETTINGS)
    assert film.pixels[0, 0] == 0
    assert film.pixels[40, 0] == pytest.approx(100, abs=1)


def test_grey_with_alpha_and_opaque_rgba_keep_their_grey() -> None:
    grey = Image.fromarray(ramp())
    for mode in ("LA", "RGBA", "RGB"):
        film = decode(saved(grey.convert(mode), "PNG"), SETTINGS)
        assert np.array_equal(film.pixels, ramp()), mode
        assert film.colour_ratio == 0


def test_a_palette_is_looked_up_not_shown_as_indices() -> None:
    indices = Image.fromarray((np.arange(64 * 64).reshape(64, 64) % 2).astype(np.uint8), "P")
    indices.putpalette([10, 10, 10, 240, 240, 240])
    film = decode(saved(indices, "PNG"), SETTINGS)
    assert set(np.unique(film.pixels)) == {10, 240}


def test_a_palette_with_transparency_is_black_where_transparent() -> None:
    indices = Image.fromarray((np.arange(64 * 64).reshape(64, 64) % 2).astype(np.uint8), "P")
    indices.putpalette([10, 10, 10, 240, 240, 240])
    film = decode(saved(indices, "PNG", transparency=1), SETTINGS)
    assert set(np.unique(film.pixels)) == {0, 10}


def test_a_one_bit_png_is_black_and_white() -> None:
    film = decode(saved(Image.fromarray(ramp() > 128), "PNG"), SETTINGS)
    assert set(np.unique(film.pixels)) == {0, 255}
    assert film.source.bits_stored == 1


def test_a_jpeg_is_close_to_what_was_saved() -> None:
    film = decode(saved(Image.fromarray(ramp()), "JPEG", quality=95), SETTINGS)
    assert film.source == Source("JPEG", 96, 80, 8)
    assert np.abs(film.pixels.astype(int) - ramp()).mean() < 2


def test_a_cmyk_jpeg_is_not_inverted() -> None:
    film = decode(saved(Image.fromarray(ramp()).convert("RGB").convert("CMYK"), "JPEG", quality=95), SETTINGS)
    assert np.abs(film.pixels.astype(int) - ramp()).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_brings_the_film_upright(orientation: int) -> None:
    stored = {
        1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
        5: np.transpose, 6: lambda a: np.rot90(a, 1), 7: lambda a: np.rot90(np.transpose(a), 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](ramp())  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "JPEG"):
        data = saved(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif)
        film = decode(data, SETTINGS)
        assert film.pixels.shape == ramp().shape
        assert np.abs(film.pixels.astype(int) - ramp()).mean() < 3
        assert (film.source.width_px, film.source.height_px) == (96, 80)


def test_a_large_jpeg_is_decoded_small_but_no_smaller_than_the_model_needs() -> None:
    data = saved(Image.fromarray(ramp(3200, 2400)), "JPEG")
    film = decode(data, SETTINGS)
    assert film.source.width_px == 3200
    assert 336 <= min(film.pixels.shape) < 800
    wide = decode(data, PreprocessorSettings(max_visual_tokens=1280))
    assert wide.pixels.shape == (2400, 3200)


def test_colour_is_measured_by_area() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:, :, :] = ramp(100, 100)[:, :, None]
    picture[:25, :, 0] = 255
    picture[:25, :, 1:] = 0
    assert decode(png(picture), SETTINGS).colour_ratio == pytest.approx(0.25, abs=0.02)


def test_no_bytes_and_other_files_are_named_for_what_they_are() -> None:
    with pytest.raises(EmptyUpload):
        decode(b"", SETTINGS)
    for data in (b"hello", b"%PDF-1.7", b"GIF89a" + bytes(200), bytes(500), b"PK\x03\x04" + bytes(64)):
        with pytest.raises(NotAnImage):
            decode(data, SETTINGS)


def test_every_truncation_of_a_png_is_refused() -> None:
    data = png(ramp())
    for length in range(8, len(data) - 12, 37):
        with pytest.raises(CorruptImage):
            decode(data[:length], SETTINGS)


def test_every_truncation_of_a_jpeg_is_refused() -> None:
    noisy = np.random.default_rng(1).integers(0, 255, (200, 200), dtype=np.uint8)
    data = saved(Image.fromarray(noisy), "JPEG")
    for length in range(3, len(data) - 2, 211):
        with pytest.raises(CorruptImage):
            decode(data[:length], SETTINGS)


def test_more_pixels_than_allowed_are_refused_by_the_header_alone() -> None:
    for width, height in ((8001, 8000), (100_000, 100_000), (2**31 - 1, 2**31 - 1), (1, 70_000_000)):
        with pytest.raises(UploadTooLarge) as caught:
            decode(png_claiming(width, height), SETTINGS)
        assert caught.value.facts == {"limit": SETTINGS.max_pixels, "unit": "pixels"}


def test_an_animated_png_is_refused_unless_frames_are_allowed() -> None:
    first, second = Image.fromarray(ramp()), Image.fromarray(255 - ramp())
    data = saved(first, "PNG", save_all=True, append_images=[second])
    with pytest.raises(UploadTooLarge) as caught:
        decode(data, SETTINGS)
    assert caught.value.facts == {"limit": 1, "unit": "frames"}
    assert np.array_equal(decode(data, PreprocessorSettings(max_frames=2)).pixels, ramp())


def test_a_compressed_text_bomb_in_a_png_is_refused() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "a" * 80_000_000, zip=True)
    with pytest.raises(CorruptImage):
        decode(png(ramp(), pnginfo=info), SETTINGS)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = saved(Image.fromarray(ramp()), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    with pytest.raises(UnsupportedImage, match="scans"):
        decode(data[:scan] + data[scan:-2] * 200 + data[-2:], SETTINGS)


@given(st.lists(st.sampled_from((b"\xff", b"\xda", b"\0", b"\xff\xda")), max_size=40).map(b"".join))
def test_scans_are_counted_wherever_they_start(data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codestream, "_PIECE_BYTES", 7)
        assert num_jpeg_scans(data) == data.count(b"\xff\xda")


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("is_progressive", [False, True])
def test_a_jpeg_is_shown_as_pillow_converts_it(mode: str, is_progressive: bool) -> None:
    coloured = np.random.default_rng(3).integers(0, 256, (30, 20, 3), dtype=np.uint8)
    for picture in (Image.fromarray(ramp(200, 150)), Image.fromarray(coloured).resize((200, 150))):
        data = saved(picture.convert("RGB").convert(mode), "JPEG", progressive=is_progressive)
        with Image.open(io.BytesIO(data)) as image:
            plain = image.convert("RGB")
        film = decode(data, SETTINGS)
        assert np.array_equal(film.pixels, np.asarray(plain.convert("L")))
        assert film.colour_ratio == colour_ratio(plain)


def test_a_12_bit_jpeg_is_named_as_such() -> None:
    data = bytearray(saved(Image.fromarray(ramp()), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(UnsupportedImage, match="12 bits"):
        decode(bytes(data), SETTINGS)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_jpeg_of_other_bits_is_named_as_such(bits: int) -> None:
    data = bytearray(saved(Image.fromarray(ramp()), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = bits + 1
    with pytest.raises(UnsupportedImage, match=f"{bits + 1} bits"):
        decode(bytes(data), SETTINGS)


NAMED = {
    b"%PDF-1.7\n": "a PDF file",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b\x08": "a gzip archive",
    b"RIFF\x24\0\0\0WEBPVP8 ": "a WebP image",
    b"\0\0\0\x18ftypheic": "a HEIC image",
    b"\0\0\0\x1cftypmif1": "a HEIC image",
    b"\0\0\0\x1cftypavif": "an AVIF image",
}


@pytest.mark.parametrize("start", NAMED)
def test_a_format_that_is_not_read_is_named_in_the_refusal(start: bytes) -> None:
    with pytest.raises(NotAnImage, match=f"^the upload is {NAMED[start]}; send a PNG, JPEG or DICOM file$"):
        decode(start + bytes(200), SETTINGS)


@pytest.mark.parametrize("size", [20, 1023, 4000])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_file_is_named_in_the_refusal(encoding: str, size: int) -> None:
    text = ("Tràn dịch màng phổi phải lượng ít.\r\n\t" * 200)[:size]
    with pytest.raises(NotAnImage, match=r"^the upload is a text file; send a PNG, JPEG or DICOM file$"):
        decode(text.encode(encoding), SETTINGS)


@pytest.mark.parametrize("data", [bytes(200), b"\x93\x9c\xf1" * 50, "phổi".encode() + b"\0\1\2", b"\xff\xfe\0\xd8"])
def test_bytes_without_a_meaning_are_not_called_text(data: bytes) -> None:
    with pytest.raises(NotAnImage, match=r"^the upload is not a PNG, JPEG or DICOM file$"):
        decode(data, SETTINGS)


def test_an_empty_file_has_the_sentence_of_its_error() -> None:
    with pytest.raises(EmptyUpload) as caught:
        decode(b"", SETTINGS)
    assert caught.value.message == "The upload is empty."


@pytest.mark.parametrize(
    ("kind", "name"),
    [("TIFF", "a TIFF"), ("WEBP", "a WebP"), ("GIF", "a GIF"), ("BMP", "a BMP"), ("JPEG2000", "a JPEG 2000")],
)
def test_an_image_that_pillow_writes_and_that_is_not_read_is_named_in_the_refusal(kind: str, name: str) -> None:
    with pytest.raises(NotAnImage, match=f"^the upload is {name} image; "):
        decode(saved(Image.fromarray(ramp()), kind), SETTINGS)


@pytest.mark.parametrize("num_bytes", [1, 200, 5000, 70_000])
def test_what_follows_the_end_of_a_png_is_left_alone(num_bytes: int) -> None:
    for picture in (Image.fromarray(ramp()), Image.fromarray(ramp()).convert("LA")):
        data = saved(picture, "PNG")
        assert np.array_equal(decode(data + b"x" * num_bytes, SETTINGS).pixels, decode(data, SETTINGS).pixels)


def test_a_png_of_endlessly_many_chunks_is_refused() -> None:
    rows = (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in ramp())))
    with pytest.raises(UnsupportedImage, match="chunks"):
        decode(png_chunks(png_header(96, 80, 8, 0), *[(b"teST", b"")] * 100_001, rows), SETTINGS)


@pytest.mark.parametrize("segment", [b"\xff\xe0\0\2", b"\xff"])
def test_a_jpeg_of_endlessly_many_segments_is_refused(segment: bytes) -> None:
    data = saved(Image.fromarray(ramp()), "JPEG")
    assert np.array_equal(decode(data[:2] + segment * 50 + data[2:], SETTINGS).pixels, decode(data, SETTINGS).pixels)
    with pytest.raises(CorruptImage):
        decode(data[:2] + segment * 100_000 + data[2:], SETTINGS)


@pytest.mark.parametrize("start", [png(ramp())[:128], b"\xff\xd8\xff\xe0", b"II*\0", b"%PDF"])
def test_a_dicom_file_may_have_another_formats_start_in_its_preamble(start: bytes) -> None:
    data = dicom(ramp())
    assert np.array_equal(decode(start.ljust(128, b"\0") + data[128:], SETTINGS).pixels, ramp())
