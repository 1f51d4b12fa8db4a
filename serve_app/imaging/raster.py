"""PNG and JPEG to a film: alpha, palette, 16 bits, CMYK and EXIF rotation come out right.

Knows nothing about DICOM. A file that holds less than the whole picture is refused, also where it has a proper end.
"""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from serve_app.domain.errors import CorruptImage, UnsupportedImage, UploadTooLarge
from serve_app.domain.radiograph import PATCH_UNIT_PX, Source
from serve_app.imaging.codestream import num_jpeg_scans, read_codestream
from serve_app.imaging.film import Film, luma_and_colour, only_channel, strips
from serve_app.imaging.jpeg import jpeg_samples
from serve_app.imaging.normalize import fit_tokens
from serve_app.imaging.png import SIGNATURE, Samples, has_every_row, plain_samples
from serve_app.settings import PreprocessorSettings

_JPEG_START = b"\xff\xd8\xff"
# What Pillow's PNG and JPEG readers were seen to raise on damaged files.
_PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    struct.error,
    zlib.error,
)
# Each progressive scan costs a pass over the picture; real encoders write about ten.
_MAX_JPEG_SCANS = 100
# The gate looks at 96 pixels; keep at least twice that whatever the model's budget.
_MIN_DRAFT_PX = 192
_GREY_MODES = frozenset({"1", "L", "I", "I;16", "I;16B", "I;16L", "I;16N"})
# Of 16-bit samples with colour or transparency Pillow keeps the upper byte: what stays below half has lost too much.
_MIN_UPPER_BYTE = 128
_EXIF_ORIENTATION = 0x0112


def looks_like_raster(data: bytes) -> bool:
    """Tell whether the bytes begin as PNG or JPEG."""
    return data.startswith((SIGNATURE, _JPEG_START))


def read_raster(data: bytes, settings: PreprocessorSettings) -> Film:
    """Read a PNG or JPEG as it would be displayed, transparent parts black.

    A JPEG far larger than the model's input is decoded at a half, quarter or eighth of its size.

    Raises:
        CorruptImage, UnsupportedImage, UploadTooLarge: see `decode`.
    """
    is_png = data.startswith(SIGNATURE)
    _check_whole(data, is_png)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            _check_limits(image, is_png, settings)
            return _read(image, data, is_png, settings)
    except Image.DecompressionBombError:
        raise _too_many_pixels(settings) from None
    except _PILLOW_ERRORS as error:
        detail = "cannot be read" if isinstance(error, UnidentifiedImageError) else "is truncated or damaged"
        raise CorruptImage(f"the {'PNG' if is_png else 'JPEG'} file {detail}") from None


def _check_whole(data: bytes, is_png: bool) -> None:
    """Refuse what Pillow would fill up in silence: a missing end, and kinds of JPEG it does not read."""
    if is_png:
        if b"IEND" not in data[-4096:]:
            raise CorruptImage("the PNG file is truncated")
        return
    # From the end, where it is.
    if data.rfind(b"\xff\xd9") < 0:
        raise CorruptImage("the JPEG file is truncated")
    header = read_codestream(data)
    if header is not None and header.bits != 8:
        raise UnsupportedImage(f"JPEG with {header.bits} bits a sample is not read here; 8 bits are")
    if num_jpeg_scans(data) > _MAX_JPEG_SCANS:
        raise UnsupportedImage(f"JPEG with more than {_MAX_JPEG_SCANS} scans is not read here")


def _check_limits(image: Image.Image, is_png: bool, settings: PreprocessorSettings) -> None:
    if image.width * image.height > settings.max_pixels:
        raise _too_many_pixels(settings)
    # A phone's JPEG may carry previews as further frames: only the picture itself is read, so they don't count.
    if is_png and getattr(image, "n_frames", 1) > settings.max_frames:
        raise UploadTooLarge("the PNG file is an animation", settings.max_frames, "frames")


def _too_many_pixels(settings: PreprocessorSettings) -> UploadTooLarge:
    return UploadTooLarge("the image has more pixels than are accepted", settings.max_pixels, "pixels")


def _read(image: Image.Image, data: bytes, is_png: bool, settings: PreprocessorSettings) -> Film:
    samples = plain_samples(data, image.size) if is_png else None
    if samples is not None:
        pixels, coloured = _shown(samples)
        return Film(pixels, Source("PNG", image.width, image.height, data[24]), coloured)
    width_px, height_px = image.size
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    if orientation in (5, 6, 7, 8):
        width_px, height_px = height_px, width_px
    if is_png:
        if not _has_last_row(image, data) and not has_every_row(data, image.size):
            raise CorruptImage("the PNG file is truncated")
    else:
        image.draft(None, _draft_size(width_px, height_px, settings.max_visual_tokens))
        samples = jpeg_samples(data, image.mode, image.size)
        if orientation == 1 and image.mode in ("L", "RGB"):
            # By way of Pillow, colours would be copied once more.
            pixels, coloured = _shown(samples)
            return Film(pixels, Source("JPEG", width_px, height_px, 8), coloured)
        image = _picture(image, samples)
    ImageOps.exif_transpose(image, in_place=True)
    bits = data[24] if is_png else 8
    pixels, coloured = _display(image, bits)
    return Film(pixels, Source("PNG" if is_png else "JPEG", width_px, height_px, bits), coloured)


def _has_last_row(image: Image.Image, data: bytes) -> bool:
    """Tell whether a PNG's last row shows anything, and so was there: spares counting, where rows come in turn."""
    is_interlaced = data[28] != 0
    last_row = image.crop((0, image.height - 1, image.width, image.height))
    return not is_interlaced and last_row.getbbox() is not None


def _picture(image: Image.Image, samples: Samples) -> Image.Image:
    """Make a picture of samples, with what else the file of `image` says."""
    picture = Image.frombuffer(image.mode, image.size, samples, "raw", image.mode, 0, 1)
    picture.info = image.info
    return picture


def _draft_size(width_px: int, height_px: int, max_visual_tokens: int) -> tuple[int, int]:
    """Choose the least size worth decoding: twice the model's input, so that resizing still filters."""
    side_px = max(_MIN_DRAFT_PX, 2 * PATCH_UNIT_PX * max(fit_tokens(width_px, height_px, max_visual_tokens)))
    return side_px, side_px


def _display(image: Image.Image, bits: int) -> tuple[NDArray[np.uint8], float]:
    """Return grey pixels of shape (height, width) and the coloured share of a picture stored with so many bits."""
    if image.mode in _GREY_MODES:
        return _shown(_opaque(image, bits))
    if bits > 8 and np.asarray(image)[:, :, :3].max() < _MIN_UPPER_BYTE:
        raise UnsupportedImage("PNG in colour or with transparency that fills few of its 16 bits is not read here")
    if image.has_transparency_data:
        return luma_and_colour(_on_black(image))
    return luma_and_colour(image if image.mode == "RGB" else image.convert("RGB"))


def _opaque(image: Image.Image, bits: int) -> Samples:
    """Return a grey picture's samples, black where the file says that one value is transparent."""
    samples = np.asarray(image.convert("L") if image.mode == "1" else image)
    transparent = image.info.get("transparency")
    if transparent is None:
        return samples
    # Pillow spreads samples of two or four bits over eight, but not the transparent one.
    factor = {2: 85, 4: 17}.get(bits, 1)
    return np.where(samples == transparent * factor, 0, samples)


def _shown(samples: Samples) -> tuple[NDArray[np.uint8], float]:
    if samples.dtype.itemsize > 1:
        samples = _eight_bits(samples.reshape(len(samples), -1)).reshape(samples.shape)
    shown = samples.astype(np.uint8, copy=False)
    if shown.ndim == 2:
        return shown, 0.0
    channel = only_channel(shown)
    return luma_and_colour(Image.fromarray(shown)) if channel is None else (channel, 0.0)


def _on_black(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    background = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
    return Image.alpha_composite(background, rgba).convert("RGB")


def _eight_bits(samples: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale deep samples by the depth they fill, not by the file's container: a film of 12 bits in 16 fills 12."""
    if samples.dtype != np.uint16:
        samples = np.clip(samples, 0, 65535)
    values = samples.astype(np.uint16, copy=False)
    top = (1 << max(8, int(values.max()).bit_length())) - 1
    scale = np.float32(255 / top)
    shown = np.empty(values.shape, np.uint8)
    for strip in strips(*values.shape):
        # Single precision rounds each of a depth's samples as double precision does.
        shown[strip] = np.rint(values[strip] * scale)
    return shown
