"""Confidence intervals by bootstrap over patients: a patient's reports are drawn together or not at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From counts added up over the patients of each resample, (resample, count), to a figure each, (resample,)."""

NUM_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval (percentile bootstrap)."""

    value: float
    low: float
    high: float


def f1_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute F1 from columns (matched, told, true); 1 where nothing is told or true."""
    matched, told, true = sums.T
    both = told + true
    return np.where(both > 0, 2 * matched / np.where(both > 0, both, 1), 1.0)


def ratio_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute a share from columns (part, whole); 0 where there is no whole."""
    part, whole = sums.T
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), 0.0)


def interval(patients: Sequence[str], counts: NDArray[np.float64], statistic: Statistic, seed: int = 0) -> Interval:
    """Bound a figure of pooled counts.

    Args:
        patients: the patient of each report.
        counts: (report, count), what the statistic adds up.

    Raises:
        ValueError: no reports.
    """
    grouped = _by_patient(patients, counts)
    values = statistic(_resampled_sums(grouped, seed))
    return _interval(float(statistic(grouped.sum(axis=0, keepdims=True))[0]), values)


def difference(
    patients: Sequence[str],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    statistic: Statistic,
    seed: int = 0,
) -> Interval:
    """Bound `after` minus `before` on the same reports: each resample draws the same patients of both.

    Raises:
        ValueError: no reports.
    """
    pairs = [_by_patient(patients, counts) for counts in (before, after)]
    old, new = (statistic(_resampled_sums(grouped, seed)) for grouped in pairs)
    old_value, new_value = (float(statistic(grouped.sum(axis=0, keepdims=True))[0]) for grouped in pairs)
    return _interval(new_value - old_value, new - old)


def _by_patient(patients: Sequence[str], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    if not patients:
        raise ValueError("there is no report to draw from")
    names, rows = np.unique(np.asarray(patients), return_inverse=True)
    grouped = np.zeros((len(names), counts.shape[1]))
    np.add.at(grouped, rows, counts)
    return grouped


def _resampled_sums(grouped: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Draw as many patients as there are, with replacement; equal seeds draw equal patients."""
    num_patients = len(grouped)
    times = np.random.default_rng(seed).multinomial(
        num_patients, np.full(num_patients, 1 / num_patients), NUM_RESAMPLES
    )
    sums: NDArray[np.float64] = times @ grouped
    return sums


def _interval(value: float, values: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(value, float(low), float(high))
