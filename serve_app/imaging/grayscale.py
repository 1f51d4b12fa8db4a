"""The DICOM grayscale pipeline as a table: every stored value's brightness on the screen, 0 to 255.

Pure numbers: modality transformation, VOI transformation, presentation. Knows nothing about files.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
# Without a window the brightest and darkest half per cent are cut, so that markers do not set the contrast.
_FALLBACK_QUANTILES = (0.005, 0.995)
_BLOCK_PX = 4_000_000


class WindowFunction(StrEnum):
    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Rescale:
    """A linear modality transformation."""

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, values: Values) -> Values:
        """Map stored values to modality values."""
        return values * self.slope + self.intercept


@dataclass(frozen=True, slots=True)
class Table:
    """A lookup table whose first entry belongs to input `first`; inputs beyond its ends take the end's entry."""

    first: int
    entries: Values
    bits: int

    def apply(self, values: Values) -> Values:
        """Map through the table, in units of its entries."""
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1).astype(np.intp)
        return self.entries[index]

    def unit(self, values: Values) -> Values:
        """Map through the table, to 0 to 1."""
        return self.apply(values) / (2.0**self.bits - 1)


@dataclass(frozen=True, slots=True)
class Window:
    """A window of modality values. `width` is at least 1 for LINEAR and above 0 otherwise."""

    center: float
    width: float
    function: WindowFunction = WindowFunction.LINEAR

    def unit(self, values: Values) -> Values:
        """Map modality values to 0 to 1.

        Source: DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3.
        """
        if self.function is WindowFunction.SIGMOID:
            exponent = np.clip(-4 * (values - self.center) / self.width, -700, 700)
            return 1 / (1 + np.exp(exponent))
        if self.function is WindowFunction.LINEAR_EXACT:
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        low = self.center - 0.5 - (self.width - 1) / 2
        if self.width == 1:
            return (values > low).astype(np.float64)
        return np.clip((values - low) / (self.width - 1), 0, 1)


@dataclass(frozen=True, slots=True)
class Stored:
    """How samples are stored; `padding` is the closed range of stored values outside the picture."""

    bits: int
    is_signed: bool
    padding: tuple[int, int] | None = None

    @property
    def lowest(self) -> int:
        """The least value that can be stored."""
        return -(1 << (self.bits - 1)) if self.is_signed else 0

    def values(self) -> Values:
        """List every value that can be stored, ascending."""
        return np.arange(self.lowest, self.lowest + (1 << self.bits), dtype=np.float64)

    def is_padding(self) -> NDArray[np.bool_]:
        """Tell for every value that can be stored whether it is padding."""
        low, high = self.padding if self.padding else (1, 0)
        return (self.values() >= low) & (self.values() <= high)


def display(
    samples: NDArray[np.integer],
    stored: Stored,
    modality: Rescale | Table,
    voi: Window | Table | None,
    is_inverted: bool,
) -> NDArray[np.uint8]:
    """Show stored samples as they are read: through the tables, inverted if so declared, padding black.

    Without a VOI transformation, deep films are stretched between quantiles and 8-bit ones are shown as they are.

    Returns:
        A new uint8 array of the samples' shape.

    Source: DICOM PS3.4 N.2; PS3.3 C.7.5.1.1.2 for padding.
    """
    index = np.subtract(samples, np.int32(stored.lowest), dtype=np.uint16, casting="unsafe")
    values = modality.apply(stored.values())
    bright = voi.unit(values) if voi else _stretch(values, _counts(index, len(values)), stored)
    if is_inverted:
        bright = 1 - bright
    table = np.rint(np.clip(bright, 0, 1) * 255).astype(np.uint8)
    table[stored.is_padding()] = 0
    shown = np.empty(index.shape, np.uint8)
    for part, values_at in zip(_blocks(shown), _blocks(index), strict=True):
        part[:] = table[values_at]
    return shown


def _blocks(values: NDArray[Any]) -> list[NDArray[Any]]:
    """Cut an array into views: both looking up and counting widen their input to eight bytes a value."""
    return np.array_split(values.reshape(-1), 1 + values.size // _BLOCK_PX)


def _counts(index: NDArray[np.uint16], num_values: int) -> NDArray[np.intp]:
    counts: NDArray[np.intp] = np.sum([np.bincount(block, minlength=num_values) for block in _blocks(index)], axis=0)
    return counts


def _stretch(values: Values, counts: NDArray[np.intp], stored: Stored) -> Values:
    if stored.bits <= 8:
        low, high = float(values.min()), float(values.max())
    else:
        weights = np.where(stored.is_padding(), 0, counts)
        if not weights.any():
            return np.zeros_like(values)
        low, high = np.quantile(values, _FALLBACK_QUANTILES, method="inverted_cdf", weights=weights)
    return np.clip((values - low) / max(high - low, 1e-9), 0, 1)
