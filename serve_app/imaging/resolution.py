"""Whether a film was enlarged from a postage stamp, or blurred into one, judged by its spectrum.

Knows nothing about files or models.
"""

import numpy as np
from numpy.typing import NDArray

SIDE_PX = 256
"""Length of the shorter side of what is judged: frequencies are cycles per this side."""
_NUM_COMPARED = 64
_TILE_PX = 64
_TILE_WINDOW = np.outer(np.hanning(_TILE_PX + 2)[1:-1], np.hanning(_TILE_PX + 2)[1:-1])
_CYCLES = np.hypot(np.fft.fftfreq(_TILE_PX)[:, None], np.fft.rfftfreq(_TILE_PX)) * SIDE_PX
# Bands of cycles per side, fine and coarse, and the least ratio of their amplitudes, which 135 real films and 250
# phantoms keep. Of the same films enlarged from 80 pixels, or blurred with a radius of 10, nearly all fall below one.
_LEAST_RATIOS = (((40, 100), (20, 24), 0.074), ((40, 64), (20, 32), 0.155), ((32, 48), (8, 16), 0.035))


def is_fine(film: NDArray[np.uint8], small: NDArray[np.uint8], min_side_px: int) -> bool:
    """Return whether a film shows as much as one of `min_side_px` does.

    Args:
        film: uint8, shape (height, width).
        small: the same, its shorter side `SIDE_PX`.
    """
    return _num_distinct_lines(film) >= min_side_px and _has_detail(small)


def _num_distinct_lines(film: NDArray[np.uint8]) -> int:
    """Count rows or columns, whichever are fewer, that differ from the one before: plain enlarging repeats them."""
    every = [max(1, length // _NUM_COMPARED) for length in film.shape]
    rows, columns = film[:, :: every[1]], film[:: every[0]]
    return 1 + min(
        int((rows[1:] != rows[:-1]).any(axis=1).sum()), int((columns[:, 1:] != columns[:, :-1]).any(axis=0).sum())
    )


def _has_detail(small: NDArray[np.uint8]) -> bool:
    """Compare bands in the median of all tiles, so that burnt-in letters do not count."""
    rows, columns = (length // _TILE_PX for length in small.shape)
    tiles = small[: rows * _TILE_PX, : columns * _TILE_PX].reshape(rows, _TILE_PX, columns, _TILE_PX)
    flat = tiles.swapaxes(1, 2).reshape(-1, _TILE_PX, _TILE_PX).astype(np.float32)
    power = np.abs(np.fft.rfft2((flat - flat.mean(axis=(1, 2), keepdims=True)) * _TILE_WINDOW)) ** 2
    return all(
        np.median(np.sqrt(_mean(power, fine) / np.maximum(_mean(power, coarse), 1e-9))) >= least
        for fine, coarse, least in _LEAST_RATIOS
    )


def _mean(power: NDArray[np.float64], band: tuple[int, int]) -> NDArray[np.float64]:
    """Average each tile's power over a band."""
    mean: NDArray[np.float64] = power[:, (band[0] <= _CYCLES) & (band[1] > _CYCLES)].mean(axis=1)
    return mean
