"""JPEG to a picture, by a decoder that refuses what libjpeg only warns of and Pillow fills up with grey.

CMYK and EXIF rotation come out right. Knows no PNG and no DICOM, whose readers borrow the decoder.
"""

import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image, ImageOps

from serve_app.domain.errors import CorruptImage, UnsupportedImage
from serve_app.domain.radiograph import PATCH_UNIT_PX, Source
from serve_app.imaging.normalize import fit_tokens
from serve_app.imaging.picture import Picture, luma_and_colour, shown
from serve_app.imaging.readers.codestream import num_jpeg_scans, read_codestream
from serve_app.imaging.readers.opening import EXIF_ORIENTATION, opened
from serve_app.settings import PreprocessorSettings

_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
# Pillow's names and the decoder's, with the samples of one pixel.
_COLOURS = {"L": ("GRAY", 1), "RGB": ("RGB", 3), "CMYK": ("CMYK", 4)}
# Each progressive scan costs a pass over the picture; real encoders write about ten.
_MAX_SCANS = 100
# The gate looks at 96 pixels; keep at least twice that whatever the model's budget.
_MIN_DRAFT_PX = 192


def looks_like_jpeg(data: bytes) -> bool:
    """Tell whether the bytes begin as a JPEG."""
    return data.startswith(_START)


def read_jpeg(data: bytes, settings: PreprocessorSettings) -> Picture:
    """Read a JPEG as it would be displayed.

    One far larger than the model's input is decoded at a half, quarter or eighth of its size.

    Raises:
        CorruptImage, UnsupportedImage, UploadTooLarge: see `decode`.
    """
    _check_whole(data)
    with opened(data, "JPEG", settings) as image:
        size_px = displayed_size(image)
        side_px = least_side_px(*size_px, settings.max_visual_tokens)
        image.draft(None, (side_px, side_px))
        samples = jpeg_samples(data, image.mode, image.size)
        pixels, coloured = displayed(samples, image)
        return Picture(pixels, Source("JPEG", *size_px, 8), coloured)


def displayed_size(image: Image.Image) -> tuple[int, int]:
    """Return the width and height of an opened file as its EXIF orientation has it shown."""
    width_px, height_px = image.size
    is_turned = image.getexif().get(EXIF_ORIENTATION, 1) in (5, 6, 7, 8)
    return (height_px, width_px) if is_turned else (width_px, height_px)


def displayed(samples: NDArray[np.uint8], image: Image.Image) -> tuple[NDArray[np.uint8], float]:
    """Return grey pixels and the coloured share of the samples of an opened file, turned as its EXIF says."""
    if image.getexif().get(EXIF_ORIENTATION, 1) == 1 and image.mode in ("L", "RGB"):
        # By way of Pillow, colours would be copied once more.
        return shown(samples)
    picture = Image.frombuffer(image.mode, image.size, samples, "raw", image.mode, 0, 1)
    picture.info = image.info
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode == "L":
        return shown(np.asarray(picture))
    return luma_and_colour(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _check_whole(data: bytes) -> None:
    """Refuse what Pillow would fill up in silence: a missing end, and kinds of JPEG it does not read."""
    require_end(data)
    header = read_codestream(data)
    if header is None:
        raise CorruptImage("the JPEG file is damaged: it has no frame header")
    if header.bits != 8:
        raise UnsupportedImage(f"JPEG with {header.bits} bits per sample is not supported; send 8 bits")


def require_end(data: bytes) -> None:
    """Look for the end marker, from the end, where it is.

    Raises:
        CorruptImage: there is none.
    """
    if data.rfind(_END) < 0:
        raise CorruptImage("the JPEG file is truncated")


def least_side_px(width_px: int, height_px: int, max_visual_tokens: int) -> int:
    """Choose the least width and height worth decoding: twice the model's input, so that resizing still filters."""
    return max(_MIN_DRAFT_PX, 2 * PATCH_UNIT_PX * max(fit_tokens(width_px, height_px, max_visual_tokens)))


def jpeg_samples(data: bytes, mode: str, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Decode a JPEG to the same samples as Pillow does, whole or at a half, a quarter or an eighth of its size.

    Args:
        data: the whole file.
        mode: what Pillow calls its colours: L, RGB or CMYK.
        size_px: width and height of the picture at that scale.

    Returns:
        A new array of shape (height, width), or (height, width, 3 or 4); CMYK as Pillow has it, 255 full ink.

    Raises:
        ValueError: truncated or damaged, or of another size.
        UnsupportedImage: colours are stored at a resolution that no common encoder uses, or too many scans.
    """
    if num_jpeg_scans(data) > _MAX_SCANS:
        raise UnsupportedImage(f"JPEG with more than {_MAX_SCANS} scans is not supported")
    colours, num_channels = _COLOURS[mode]
    width_px, height_px = size_px
    samples = np.empty((height_px, width_px, num_channels), np.uint8)
    limits = {"min_height": height_px, "min_width": width_px, "buffer": samples}
    try:
        decoded = simplejpeg.decode_jpeg(data, colorspace=colours, strict=True, **limits)
    except ValueError as error:
        if "subsampling" in str(error):
            raise UnsupportedImage("JPEG of this chroma subsampling is not supported") from None
        raise
    if decoded.shape != samples.shape:
        raise ValueError("the JPEG is not of the size that its header declares")
    if mode == "CMYK":
        np.invert(samples, out=samples)
    return samples[:, :, 0] if mode == "L" else samples
