"""Compares two model versions by the same raters on the same sections: scores and ticked errors.

Each side has one model version. Sections that were rated on one side only are counted and left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from evaluation.doctors.records import AXES, Axis, ErrorTick, Rating
from evaluation.metrics.intervals import Interval, interval, ratio_of

Pair: TypeAlias = tuple[Rating, Rating]
"""(before, after): one rater's ratings of one section of one sample."""


@dataclass(frozen=True, slots=True)
class AxisDifference:
    """The difference after minus before on one axis. Positive is better."""

    axis: Axis
    mean: Interval
    p_value: float | None
    """Wilcoxon signed-rank, two-sided, over each sample's mean difference: a sample's sections are not independent."""
    note: str | None
    """Why there is no p-value."""


@dataclass(frozen=True, slots=True)
class TickRates:
    """The share of sections with an error ticked, over pairs with ticks on both sides. None without such a pair."""

    tick: ErrorTick
    before_ratio: float | None
    after_ratio: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    before: str
    after: str
    num_pairs: int
    num_samples: int
    num_unpaired: int
    axes: tuple[AxisDifference, ...]
    ticks: tuple[TickRates, ...]


def compare(before: Sequence[Rating], after: Sequence[Rating], seed: int = 0) -> Comparison:
    """Pair by (sample, section, rater) and compare.

    Raises:
        ValueError: a side does not have exactly one model version, or there is no pair.
    """
    names = _only_version(before), _only_version(after)
    pairs = _paired(before, after)
    if not pairs:
        raise ValueError(f"no rater has rated the same section of the same sample for both {names[0]} and {names[1]}")
    return Comparison(
        *names,
        num_pairs=len(pairs),
        num_samples=len({old.sample for old, _ in pairs}),
        num_unpaired=len(before) + len(after) - 2 * len(pairs),
        axes=tuple(_difference(pairs, axis, seed) for axis in AXES),
        ticks=tuple(_tick_rates(pairs, tick) for tick in ErrorTick),
    )


def _only_version(ratings: Sequence[Rating]) -> str:
    versions = sorted({rating.model_version for rating in ratings})
    if len(versions) != 1:
        raise ValueError(
            f"a side needs ratings of exactly one model version, but this one has {', '.join(versions) or 'none'}"
        )
    return versions[0]


def _paired(before: Sequence[Rating], after: Sequence[Rating]) -> list[Pair]:
    old, new = ({(one.sample, one.section, one.rater): one for one in side} for side in (before, after))
    return [(old[key], new[key]) for key in sorted(old.keys() & new.keys())]


def _difference(pairs: Sequence[Pair], axis: Axis, seed: int) -> AxisDifference:
    samples = [old.sample for old, _ in pairs]
    differences = np.array([getattr(new, axis) - getattr(old, axis) for old, new in pairs], dtype=np.float64)
    counts = np.column_stack([differences, np.ones_like(differences)])
    p_value, note = _signed_rank(samples, differences)
    return AxisDifference(axis, interval(samples, counts, ratio_of, seed), p_value, note)


def _signed_rank(samples: Sequence[str], differences: NDArray[np.float64]) -> tuple[float | None, str | None]:
    from scipy.stats import wilcoxon

    if not differences.any():
        return None, "all differences are zero"
    names, rows = np.unique(np.asarray(samples), return_inverse=True)
    # Rounded, so that equal means from different counts stay tied.
    means = np.round(np.bincount(rows, weights=differences) / np.bincount(rows), 9)
    if not means.any():
        return None, f"the differences cancel within each of the {len(names)} samples"
    return float(wilcoxon(means).pvalue), None


def _tick_rates(pairs: Sequence[Pair], tick: ErrorTick) -> TickRates:
    asked = [(old.errors, new.errors) for old, new in pairs if old.errors is not None and new.errors is not None]
    if not asked:
        return TickRates(tick, None, None)
    before, after = (float(np.mean([tick in errors for errors in side])) for side in zip(*asked, strict=True))
    return TickRates(tick, before, after)
