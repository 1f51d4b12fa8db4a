"""Engines are held against the first one film by film, in whatever order their reports came."""

import pytest

from loadtests.bench.engines import figures
from loadtests.bench.rounds import Round
from loadtests.bench.targets import Sample


def sample(number: int, text: str) -> Sample:
    return Sample(number, first_token_s=0.5, report_s=2.5, completion_tokens=21, text=text)


def test_reports_are_compared_by_round_and_film() -> None:
    first = [Round(2.0, (sample(0, "tim to"), sample(1, "phổi sáng"))), Round(2.0, (sample(0, "xẹp phổi"),))]
    other = [Round(1.0, (sample(1, "phổi sáng"), sample(0, "tim to"))), Round(3.0, (sample(0, "phổi sáng"),))]

    found = figures(other, first, peak_bytes=3 * 1024**2)

    assert (found["num_reports"], found["num_same_as_vllm"]) == (3, 2)
    assert found["per_token_s"] == pytest.approx(0.1)
    assert found["memory_mib"] == 3
    assert found["reports_per_s"] == 2.0
