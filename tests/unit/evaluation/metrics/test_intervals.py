"""Intervals: over patients, repeatable, around the figure, and narrower with more patients."""

import numpy as np
import pytest

from evaluation.metrics.intervals import difference, f1_of, interval, ratio_of


def counts(num_patients: int) -> np.ndarray:
    return np.array([[1.0, 2.0] if index % 2 else [0.0, 2.0] for index in range(num_patients)])


def names(num_patients: int) -> list[str]:
    return [f"patient-{index}" for index in range(num_patients)]


def test_the_figure_is_that_of_all_reports_and_lies_inside() -> None:
    found = interval(names(40), counts(40), ratio_of)
    assert found.value == pytest.approx(0.25)
    assert found.low < found.value < found.high


def test_more_patients_narrow_the_interval() -> None:
    few, many = (interval(names(number), counts(number), ratio_of) for number in (20, 2000))
    assert many.high - many.low < (few.high - few.low) / 3


def test_one_patients_reports_are_one_draw() -> None:
    """Copies of one report of each patient add nothing that is known."""
    once = interval(names(20), counts(20), ratio_of)
    copied = interval(names(20) * 5, np.tile(counts(20), (5, 1)), ratio_of)
    assert copied == once


def test_the_same_seed_gives_the_same_interval() -> None:
    assert interval(names(20), counts(20), ratio_of, 3) == interval(names(20), counts(20), ratio_of, 3)
    assert interval(names(20), counts(20), ratio_of, 3) != interval(names(20), counts(20), ratio_of, 4)


def test_a_difference_is_paired() -> None:
    """The same patients are drawn of both: a constant gain has no width although the figures vary."""
    gained = counts(30) + np.array([0.5, 0.0])
    found = difference(names(30), counts(30), gained, ratio_of)
    assert (found.low, found.value, found.high) == pytest.approx((0.25, 0.25, 0.25))


def test_f1_and_ratio_are_counted_by_hand() -> None:
    assert f1_of(np.array([[3.0, 4.0, 6.0], [0.0, 0.0, 0.0]])).tolist() == pytest.approx([0.6, 1.0])
    assert ratio_of(np.array([[1.0, 4.0], [0.0, 0.0]])).tolist() == [0.25, 0.0]


def test_no_report_has_no_interval() -> None:
    with pytest.raises(ValueError, match="no report"):
        interval([], np.zeros((0, 2)), ratio_of)
