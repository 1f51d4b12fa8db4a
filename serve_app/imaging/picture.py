"""A picture as a reader would see it, grey and upright, with what the gate must know besides.

Knows nothing about files, DICOM or models.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.radiograph import Correction, DicomReference, FileAttributes, Source

Samples = NDArray[np.uint8] | NDArray[np.uint16]
Sample = TypeVar("Sample", np.uint8, np.uint16)

# A thumbnail pixel counts as coloured when its channels differ by more than this; JPEG chroma noise stays below.
_COLOURED_SPREAD = 28
_COLOUR_SAMPLE_PX = 128
_STRIP_PX = 1 << 18
_DEPTH_SAMPLE_PX = 256
# What is brighter than the film: at most this share of hot pixels, or of letters whose grey lies apart from the film's.
_MAX_HOT_RATIO = 1e-4
_MAX_BURNT_IN_RATIO = 0.1
_GAP_RATIO = 0.25


@dataclass(frozen=True, slots=True)
class Picture:
    """What was displayed by the file.

    `pixels` is uint8, shape (height, width), air dark and bone bright, square pixels. `colour_ratio` is the share
    (0 to 1) of the picture's area that is visibly coloured; a grey file has 0. `corrections`: what
    `film.readable` changed.
    """

    pixels: NDArray[np.uint8]
    source: Source
    colour_ratio: float = 0.0
    attributes: FileAttributes = field(default=FileAttributes(), repr=False)
    reference: DicomReference | None = field(default=None, repr=False)
    corrections: tuple[Correction, ...] = ()


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


def shown(samples: Samples) -> tuple[NDArray[np.uint8], float]:
    """Return grey pixels of shape (height, width) and the coloured share of samples, scaled to eight bits."""
    if samples.dtype.itemsize > 1:
        samples = _eight_bits(samples.reshape(len(samples), -1)).reshape(samples.shape)
    shown = samples.astype(np.uint8, copy=False)
    if shown.ndim == 2:
        return shown, 0.0
    channel = only_channel(shown)
    return luma_and_colour(Image.fromarray(shown)) if channel is None else (channel, 0.0)


def _eight_bits(samples: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale deep samples by the depth they fill, not by the file's container: a film of 12 bits in 16 fills 12."""
    if samples.dtype != np.uint16:
        samples = np.clip(samples, 0, 65535)
    values = samples.astype(np.uint16, copy=False)
    top = (1 << _filled_bits(values)) - 1
    values = np.minimum(values, top) if values.max() > top else values
    scale = np.float32(255 / top)
    shown = np.empty(values.shape, np.uint8)
    for strip in strips(*values.shape):
        # Single precision rounds each of a depth's samples as double precision does.
        shown[strip] = np.rint(values[strip] * scale)
    return shown


def _filled_bits(values: NDArray[np.uint16]) -> int:
    """Count the bits that a film fills, at least 8, whatever its hot pixels and burnt-in letters fill.

    Those are rare, or few beyond a gap: the next bit holds far fewer samples than the bits above it do.
    """
    sample = spread_sample(values, _DEPTH_SAMPLE_PX)
    # By number of bits: 0; 1; 2 and 3; 4 to 7; and so on.
    starts = [0, *(1 << bits for bits in range(16))]
    share = np.add.reduceat(np.bincount(sample.ravel(), minlength=1 << 16), starts) / sample.size
    for bits in range(8, 16):
        above = float(share[bits + 1 :].sum())
        is_apart = share[bits + 1] < _GAP_RATIO * above < _GAP_RATIO * min(_MAX_BURNT_IN_RATIO, share[bits])
        if above < _MAX_HOT_RATIO or is_apart:
            return bits
    return 16


def spread_sample(pixels: NDArray[Sample], side_px: int) -> NDArray[Sample]:
    """Return a view of every nth row and column: at least `side_px` of each where there are, under twice as many."""
    return pixels[:: max(1, pixels.shape[0] // side_px), :: max(1, pixels.shape[1] // side_px)]
