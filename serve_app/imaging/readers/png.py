"""PNG to a picture: alpha, palette and 16 bits come out right, transparent parts black.

A file that holds less than the whole picture is refused, also where it has a proper end.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from serve_app.domain.errors import CorruptImage, UnsupportedImage, UploadTooLarge
from serve_app.domain.radiograph import Source
from serve_app.imaging.picture import Picture, Samples, luma_and_colour, shown, strips
from serve_app.imaging.readers.opening import opened
from serve_app.imaging.readers.png_samples import SIGNATURE, has_every_row, plain_samples, up_to_end
from serve_app.settings import PreprocessorSettings

_GREY_MODES = frozenset({"1", "L", "I", "I;16", "I;16B", "I;16L", "I;16N"})
# Of 16-bit samples with colour or transparency Pillow keeps the upper byte: what stays below half has lost too much.
_MIN_UPPER_BYTE = 128


def looks_like_png(data: bytes) -> bool:
    """Tell whether the bytes begin as a PNG."""
    return data.startswith(SIGNATURE)


def read_png(data: bytes, settings: PreprocessorSettings) -> Picture:
    """Read a PNG as it would be displayed.

    Raises:
        CorruptImage, UnsupportedImage, UploadTooLarge: see `decode`.
    """
    data = up_to_end(data)
    with opened(data, "PNG", settings) as image:
        if getattr(image, "n_frames", 1) > settings.max_frames:
            raise UploadTooLarge("the PNG file is an animation", settings.max_frames, "frames")
        samples = plain_samples(data, image.size)
        bits = data[24]
        if samples is not None:
            return _picture(shown(samples), image, bits)
        if not _has_last_row(image, data) and not has_every_row(data, image.size):
            raise CorruptImage("the PNG file is truncated")
        ImageOps.exif_transpose(image, in_place=True)
        return _picture(_display(image, bits), image, bits)


def _picture(display: tuple[NDArray[np.uint8], float], image: Image.Image, bits: int) -> Picture:
    pixels, coloured = display
    return Picture(pixels, Source("PNG", image.width, image.height, bits), coloured)


def _has_last_row(image: Image.Image, data: bytes) -> bool:
    """Tell whether a PNG's last row shows anything, and so was there: spares counting, where rows come in turn."""
    is_interlaced = data[28] != 0
    last_row = image.crop((0, image.height - 1, image.width, image.height))
    return not is_interlaced and last_row.getbbox() is not None


def _display(image: Image.Image, bits: int) -> tuple[NDArray[np.uint8], float]:
    """Return grey pixels of shape (height, width) and the coloured share of a picture stored with so many bits."""
    if image.mode in _GREY_MODES:
        return shown(_opaque(image, bits))
    if bits > 8 and np.asarray(image)[:, :, :3].max() < _MIN_UPPER_BYTE:
        raise UnsupportedImage("PNG in colour or with transparency that fills few of its 16 bits is not supported")
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


def _on_black(image: Image.Image) -> Image.Image:
    shown = Image.new("RGB", image.size)
    for rows in strips(image.height, image.width):
        box = (0, rows.start, image.width, min(rows.stop, image.height))
        strip = image.crop(box).convert("RGBA")
        shown.paste(Image.alpha_composite(Image.new("RGBA", strip.size, (0, 0, 0, 255)), strip).convert("RGB"), box)
    return shown
