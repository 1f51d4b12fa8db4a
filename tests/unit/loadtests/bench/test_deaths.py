"""A gap counts from the death, although nothing was finished before it, and up to the end of the window."""

import pytest

from loadtests.bench.deaths import longest_gap_s


@pytest.mark.parametrize(
    ("finished_s", "gap_s"),
    [
        ([9.0, 11.0, 12.0, 19.0], 7.0),
        ([9.0, 18.0, 19.0], 8.0),
        ([11.0, 12.0, 99.0], 8.0),
        ([19.0, 11.0, 15.0], 4.0),
        ([], 10.0),
    ],
)
def test_the_longest_time_without_a_report_lies_within_the_window(finished_s: list[float], gap_s: float) -> None:
    assert longest_gap_s(finished_s, 10.0, 20.0) == gap_s
