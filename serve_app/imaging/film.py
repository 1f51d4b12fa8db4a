"""A film: the picture as a reader would see it, grey and upright, with what the gate must know besides.

Knows nothing about files, DICOM or models.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.radiograph import Source

# A thumbnail pixel counts as coloured when its channels differ by more than this; JPEG chroma noise stays below.
_COLOURED_SPREAD = 28
_COLOUR_SAMPLE_PX = 128
_STRIP_PX = 1 << 18


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
    luma = np.empty((picture.height, picture.width), np.uint8)
    for strip in strips(picture.height, picture.width):
        box = (0, strip.start, picture.width, min(strip.stop, picture.height))
        red, green, blue = (np.asarray(channel) for channel in picture.crop(box).split())
        if not (np.array_equal(red, green) and np.array_equal(red, blue)):
            return grey(picture), colour_ratio(picture)
        luma[strip] = red
    return luma, 0.0


def only_channel(samples: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Copy a channel out of RGB samples, shape (height, width, 3), if all three are the same everywhere."""
    height_px, width_px, _ = samples.shape
    # Bytes that lie side by side belong to one pixel, but for the last of each.
    is_within_pixel = np.tile([True, True, False], width_px)[:-1]
    channel = np.empty((height_px, width_px), np.uint8)
    for strip in strips(height_px, width_px):
        rows = samples[strip].reshape(-1, width_px * 3)
        if ((rows[:, 1:] != rows[:, :-1]) & is_within_pixel).any():
            return None
        channel[strip] = samples[strip, :, 0]
    return channel


def strips(height_px: int, width_px: int) -> Iterator[slice]:
    """Cut a picture into rows enough for one array operation, and few enough to stay in a core's cache meanwhile."""
    num_rows = max(1, _STRIP_PX // width_px)
    return (slice(top, top + num_rows) for top in range(0, height_px, num_rows))


def grey(image: Image.Image) -> NDArray[np.uint8]:
    """Turn an RGB picture into luma (ITU-R BT.601), shape (height, width)."""
    return np.asarray(image.convert("L"))


def colour_ratio(image: Image.Image) -> float:
    """Measure the share of an RGB picture's area that is visibly coloured, on a thumbnail."""
    size = (min(_COLOUR_SAMPLE_PX, image.width), min(_COLOUR_SAMPLE_PX, image.height))
    sample = np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=1.0)).astype(np.int16)
    return float((np.ptp(sample, axis=2) > _COLOURED_SPREAD).mean())
