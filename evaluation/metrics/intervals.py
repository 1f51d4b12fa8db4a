"""Confidence intervals by bootstrap over patients: all reports of a patient are drawn together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Computes a figure per resample, (resample,), from the counts summed over its patients, (resample, count)."""

NUM_RESAMPLES = 2000
_RESAMPLES_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval (percentile bootstrap)."""

    value: float
    low: float
    high: float


def f1_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute F1 from columns (matched, told, true); 1 if both reports state nothing."""
    matched, told, true = sums.T
    both = told + true
    return np.where(both > 0, 2 * matched / np.where(both > 0, both, 1), 1.0)


def ratio_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute a share from columns (part, whole); 0 if the whole is 0."""
    part, whole = sums.T
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), 0.0)


def interval(patients: Sequence[str], counts: NDArray[np.float64], statistic: Statistic, seed: int = 0) -> Interval:
    """Compute a figure of pooled counts with its interval; see `intervals`."""
    return intervals(patients, counts, {"": statistic}, seed)[""]


def intervals(
    patients: Sequence[str], counts: NDArray[np.float64], statistics: Mapping[str, Statistic], seed: int = 0
) -> dict[str, Interval]:
    """Compute several figures of the same pooled counts with their intervals, from the same resamples.

    Args:
        patients: the patient of each report.
        counts: (report, count), the columns that the statistics sum.
        statistics: by name; each gets all columns.
        seed: equal random seeds draw equal patients.

    Raises:
        ValueError: no reports.
    """
    grouped = _by_patient(patients, counts)
    whole, drawn = grouped.sum(axis=0, keepdims=True), _resampled_sums(grouped, seed)
    return {name: _interval(float(figure(whole)[0]), figure(drawn)) for name, figure in statistics.items()}


def difference(
    patients: Sequence[str],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    statistic: Statistic,
    seed: int = 0,
) -> Interval:
    """Compute `after` minus `before` on the same reports with its interval; see `differences`."""
    return differences(patients, before, after, {"": statistic}, seed)[""]


def differences(
    patients: Sequence[str],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    statistics: Mapping[str, Statistic],
    seed: int = 0,
) -> dict[str, Interval]:
    """Compute several differences `after` minus `before`. Each resample draws the same patients from both.

    Raises:
        ValueError: no reports.
    """
    num_columns = before.shape[1]

    def gain(figure: Statistic) -> Statistic:
        return lambda sums: figure(sums[:, num_columns:]) - figure(sums[:, :num_columns])

    both = np.concatenate([before, after], axis=1)
    return intervals(patients, both, {name: gain(figure) for name, figure in statistics.items()}, seed)


def _by_patient(patients: Sequence[str], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    if not patients:
        raise ValueError("there is no report to draw from")
    names, rows = np.unique(np.asarray(patients), return_inverse=True)
    grouped = np.zeros((len(names), counts.shape[1]))
    np.add.at(grouped, rows, counts)
    return grouped


def _resampled_sums(grouped: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Draw as many patients as there are, with replacement. Equal random seeds draw equal patients."""
    num_patients, rng = len(grouped), np.random.default_rng(seed)
    even = np.full(num_patients, 1 / num_patients)
    # In batches: for a large data set, all resamples at once would take gigabytes.
    drawn = (
        rng.multinomial(num_patients, even, _RESAMPLES_AT_ONCE) for _ in range(0, NUM_RESAMPLES, _RESAMPLES_AT_ONCE)
    )
    return np.concatenate([times @ grouped for times in drawn])


def _interval(value: float, values: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(value, float(low), float(high))
