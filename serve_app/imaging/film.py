"""The film in a picture: without wide borders, and bright enough. The gate judges it and the model gets it.

A well-exposed film keeps every pixel. Knows nothing about files or models; serving and training share it.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from serve_app.domain.radiograph import Correction
from serve_app.imaging.picture import Picture, spread_sample

Pixels = NDArray[np.uint8]
_SAMPLE_PX = 256
# Markers, letters and hot pixels are brighter than 95 % of a film, and fewer.
_MIDDLE = (0.05, 0.95)
# Of 135 real films the darkest reaches 117 and the flattest spans 47 grey levels; 300 phantoms: 156 and 153.
_LEAST_HIGH, _LEAST_RANGE = 112, 45
# The median film's quantiles, which restored ones get.
_USUAL_LOW, _USUAL_HIGH = 70, 190
# Real films and phantoms have uniform borders of at most 10 % of a side.
_MIN_BORDER_RATIO = 0.2
_MIN_FILM_RATIO = 0.15
# A line is border if this share of it has the border's grey: letters may lie on it.
_LINE_RATIO = 0.95
# How far the grey of one border may differ, of the range of greys, and at most in grey levels: JPEG blurs it.
_TOLERANCE_RATIO, _MAX_TOLERANCE = 0.03, 4

REMEDIES: dict[Correction, Callable[[Pixels], Pixels]] = {
    Correction.INVERTED: lambda pixels: 255 - pixels,
    Correction.TURNED_LEFT: np.rot90,
    Correction.TURNED_AROUND: lambda pixels: np.rot90(pixels, 2),
    Correction.TURNED_RIGHT: lambda pixels: np.rot90(pixels, 3),
}
"""What makes an ordinary film of one that is inverted or rotated."""


def readable(picture: Picture) -> Picture:
    """Crop wide uniform borders, then restore the contrast of an under-exposed or flat film; record what was done."""
    pixels, corrections = _crop(picture.pixels)
    table = _restoring_table(pixels)
    if table is not None:
        levels, correction = table
        pixels, corrections = levels[pixels], (*corrections, correction)
    return replace(picture, pixels=pixels, corrections=corrections) if corrections else picture


def corrected(picture: Picture, remedy: Correction) -> Picture:
    """Invert or turn a film; record it."""
    pixels = np.ascontiguousarray(REMEDIES[remedy](picture.pixels))
    return replace(picture, pixels=pixels, corrections=(*picture.corrections, remedy))


def middle_range(pixels: Pixels) -> tuple[int, int]:
    """Return the grey levels up to which 5 % and 95 % of a film lie, sampled."""
    return _quantiles(_counts(pixels), _MIDDLE)


def is_dark(pixels: Pixels) -> bool:
    """Return whether a film is darker than real ones are."""
    return middle_range(pixels)[1] < _LEAST_HIGH


def count_middle_levels(pixels: Pixels) -> int:
    """Count the grey levels that the middle 90 % of a film have."""
    counts = _counts(pixels)
    low, high = _quantiles(counts, _MIDDLE)
    return int(np.count_nonzero(counts[low : high + 1]))


def _counts(pixels: Pixels) -> NDArray[np.intp]:
    """Count each grey level in a sample: a histogram's quantiles take less time than those of its pixels."""
    return np.bincount(spread_sample(pixels, _SAMPLE_PX).ravel(), minlength=256)


def _quantiles(counts: NDArray[np.intp], shares: tuple[float, float]) -> tuple[int, int]:
    low, high = np.searchsorted(np.cumsum(counts), np.array(shares) * counts.sum())
    return int(low), int(high)


def _restoring_table(pixels: Pixels) -> tuple[Pixels, Correction] | None:
    """Return the new level of each grey level, or null for a film that needs none or has nothing to restore.

    A dark film is scaled, so that black stays black, unless it is flat as well.
    """
    low, high = middle_range(pixels)
    if high <= low or (high >= _LEAST_HIGH and high - low >= _LEAST_RANGE):
        return None
    before = np.arange(256.0)
    if (high - low) * _USUAL_HIGH / high >= _LEAST_RANGE:
        levels = np.minimum(before * _USUAL_HIGH / high, 255)
    else:
        sample = spread_sample(pixels, _SAMPLE_PX)
        levels = np.interp(before, (sample.min(), low, high, sample.max()), (0, _USUAL_LOW, _USUAL_HIGH, 255))
    correction = Correction.BRIGHTNESS_RESTORED if high < _LEAST_HIGH else Correction.CONTRAST_RESTORED
    return np.rint(levels).astype(np.uint8), correction


def _crop(pixels: Pixels) -> tuple[Pixels, tuple[Correction, ...]]:
    sample = spread_sample(pixels, _SAMPLE_PX)
    darkest, brightest = _quantiles(_counts(pixels), (0.01, 0.99))
    tolerance = min(_MAX_TOLERANCE, int(_TOLERANCE_RATIO * (brightest - darkest)))
    inner = [_inner_lines(lines, tolerance) for lines in (sample, sample.T)]
    kept = [(last - first) / length for (first, last), length in zip(inner, sample.shape, strict=True)]
    if min(kept) < _MIN_FILM_RATIO or min(kept) > 1 - _MIN_BORDER_RATIO:
        return pixels, ()
    # The sampled lines beside the film belong to the border; what lies between may belong to the film.
    steps = [max(1, length // _SAMPLE_PX) for length in pixels.shape]
    rows, columns = (
        slice(max(0, (first - 1) * step + 1), last * step) for (first, last), step in zip(inner, steps, strict=True)
    )
    return np.ascontiguousarray(pixels[rows, columns]), (Correction.BORDERS_CROPPED,)


def _inner_lines(lines: Pixels, tolerance: int) -> tuple[int, int]:
    """Return the first line of the film and the line behind its last; equal where all are border."""
    first = _num_border_lines(lines, tolerance)
    return first, max(first, len(lines) - _num_border_lines(lines[::-1], tolerance))


def _num_border_lines(lines: Pixels, tolerance: int) -> int:
    grey = int(np.median(lines[0]))
    darkest, brightest = np.clip((grey - tolerance, grey + tolerance), 0, 255).astype(np.uint8)
    is_border = ((lines >= darkest) & (lines <= brightest)).mean(axis=1) >= _LINE_RATIO
    return len(lines) if is_border.all() else int(np.argmin(is_border))
