"""A film: the picture as a reader would see it, grey and upright, with what the gate must know besides.

Knows nothing about files, DICOM or models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.radiograph import Source

# A thumbnail pixel counts as coloured when its channels differ by more than this; JPEG chroma noise stays below.
_COLOURED_SPREAD = 28
_COLOUR_SAMPLE_PX = 128
# Few enough to stay in a core's cache.
_STRIP_ROWS = 64


@dataclass(frozen=True, slots=True)
class Film:
    """What was displayed by the file.

    `pixels` is uint8, shape (height, width), air dark and bone bright, square pixels. `colour_ratio` is the share
    (0 to 1) of the picture's area that is visibly coloured; a grey file has 0.
    """

    pixels: NDArray[np.uint8]
    source: Source
    colour_ratio: float = 0.0


def luma_and_colour(picture: Image.Image) -> tuple[NDArray[np.uint8], float]:
    """Return an RGB picture's luma, shape (height, width), and its coloured share.

    Most RGB films are grey films: there each channel is the luma.
    """
    red = np.asarray(picture.getchannel("R"))
    if all(np.array_equal(red, np.asarray(picture.getchannel(name))) for name in "GB"):
        return red, 0.0
    return grey(picture), colour_ratio(picture)


def only_channel(samples: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Copy a channel out of RGB samples, shape (height, width, 3), if all three are the same everywhere.

    As `luma_and_colour`, but in a quarter of the time and without a copy of coloured samples.
    """
    height_px, width_px, _ = samples.shape
    # Bytes that lie side by side belong to one pixel, but for the last of each.
    is_within_pixel = np.tile([True, True, False], width_px)[:-1]
    for top in range(0, height_px, _STRIP_ROWS):
        strip = samples[top : top + _STRIP_ROWS].reshape(-1, width_px * 3)
        if ((strip[:, 1:] != strip[:, :-1]) & is_within_pixel).any():
            return None
    return np.ascontiguousarray(samples[:, :, 0])


def grey(image: Image.Image) -> NDArray[np.uint8]:
    """Turn an RGB picture into luma (ITU-R BT.601), shape (height, width)."""
    return np.asarray(image.convert("L"))


def colour_ratio(image: Image.Image) -> float:
    """Measure the share of an RGB picture's area that is visibly coloured, on a thumbnail."""
    size = (min(_COLOUR_SAMPLE_PX, image.width), min(_COLOUR_SAMPLE_PX, image.height))
    sample = np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=1.0)).astype(np.int16)
    return float((np.ptp(sample, axis=2) > _COLOURED_SPREAD).mean())
