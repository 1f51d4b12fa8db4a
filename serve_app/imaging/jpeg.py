"""A JPEG to its samples, by a decoder that refuses what libjpeg only warns of and Pillow fills up with grey.

Knows nothing about limits or display: who calls has looked at the header.
"""

import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from numpy.typing import NDArray

from serve_app.domain.errors import UnsupportedImage

# Pillow's names and the decoder's, with the samples of one pixel.
_COLOURS = {"L": ("GRAY", 1), "RGB": ("RGB", 3), "CMYK": ("CMYK", 4)}


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
        UnsupportedImage: colours are stored at a resolution that no common encoder uses.
    """
    colours, num_channels = _COLOURS[mode]
    width_px, height_px = size_px
    samples = np.empty((height_px, width_px, num_channels), np.uint8)
    limits = {"min_height": height_px, "min_width": width_px, "buffer": samples}
    try:
        decoded = simplejpeg.decode_jpeg(data, colorspace=colours, strict=True, **limits)
    except ValueError as error:
        if "subsampling" in str(error):
            raise UnsupportedImage("JPEG of this chroma subsampling is not read here") from None
        raise
    if decoded.shape != samples.shape:
        raise ValueError("the JPEG is not of the size that its header declares")
    if mode == "CMYK":
        np.invert(samples, out=samples)
    return samples[:, :, 0] if mode == "L" else samples
