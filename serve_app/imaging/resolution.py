"""Whether a film was enlarged from a postage stamp, or blurred into one, judged by its spectrum.

Knows nothing about files or models.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 256
"""Length of the shorter side of what is judged: frequencies are cycles per this side."""
_NUM_COMPARED = 64
_TILE_PX = 64
_TILE_WINDOW = np.outer(np.hanning(_TILE_PX + 2)[1:-1], np.hanning(_TILE_PX + 2)[1:-1])
_CYCLES = np.hypot(np.fft.fftfreq(_TILE_PX)[:, None], np.fft.rfftfreq(_TILE_PX)) * SIDE_PX
_EDGES = (4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 56, 64, 80, 100, 128)
_BANDS = np.stack([((low <= _CYCLES) & (high > _CYCLES)).ravel() for low, high in pairwise(_EDGES)], axis=1)
_MEANS = _BANDS / _BANDS.sum(axis=0)
# Rounding to whole grey levels leaves about this power in every band.
_LEAST_POWER = 1.0
# Burnt-in letters are sharp on any film, and fill fewer tiles than the rest.
_TILE_RATIO = 0.65
# Chosen on half of the patients by `training.gate.sharpness`; its result file has the other half.
WEIGHTS = np.array(
    [
        -0.209,
        0.217,
        -0.617,
        -1.874,
        -0.962,
        -0.048,
        0.065,
        0.308,
        0.699,
        1.528,
        1.298,
        0.442,
        0.047,
        1.169,
        2.895,
        0.028,
    ]
)
LEAST_SUM = 19.49


def is_fine(film: NDArray[np.uint8], small: NDArray[np.uint8], min_side_px: int) -> bool:
    """Return whether a film shows as much as one of `min_side_px` does.

    Args:
        film: uint8, shape (height, width).
        small: the same, its shorter side `SIDE_PX`.
    """
    return _num_distinct_lines(film) >= min_side_px and bool(spectrum(small) @ WEIGHTS >= LEAST_SUM)


def _num_distinct_lines(film: NDArray[np.uint8]) -> int:
    """Count rows or columns, whichever are fewer, that differ from the one before: plain enlarging repeats them."""
    every = [max(1, length // _NUM_COMPARED) for length in film.shape]
    rows, columns = film[:, :: every[1]], film[:: every[0]]
    return 1 + min(
        int((rows[1:] != rows[:-1]).any(axis=1).sum()), int((columns[:, 1:] != columns[:, :-1]).any(axis=0).sum())
    )


def spectrum(small: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Measure a film whose shorter side is `SIDE_PX`: the logarithm of its power in 16 bands, the coarsest first."""
    rows, columns = (length // _TILE_PX for length in small.shape)
    tiles = small[: rows * _TILE_PX, : columns * _TILE_PX].reshape(rows, _TILE_PX, columns, _TILE_PX)
    flat = tiles.swapaxes(1, 2).reshape(-1, _TILE_PX, _TILE_PX).astype(np.float32)
    power = np.abs(np.fft.rfft2((flat - flat.mean(axis=(1, 2), keepdims=True)) * _TILE_WINDOW)) ** 2
    bands: NDArray[np.float64] = np.quantile(power.reshape(len(power), -1) @ _MEANS, _TILE_RATIO, axis=0)
    return np.log(bands + _LEAST_POWER)
