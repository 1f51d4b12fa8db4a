"""The verdict is the share of reports that kept each objective of monitoring/slo.yaml."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtests import verdict
from monitoring.objectives import read_objectives

GOOD = [
    {
        "method": "POST",
        "name": "POST /v1/reports",
        "num_requests": 100,
        "num_failures": 0,
        "response_times": {"50": 100},
    },
    {"method": "stream", "name": "time-to-first-token", "num_requests": 100, "response_times": {"900": 96, "2600": 4}},
    {"method": "stream", "name": "time-to-report", "num_requests": 100, "response_times": {"9000": 99, "31000": 1}},
]


def run(stats: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    file = tmp_path / "stats.json"
    file.write_text(json.dumps(stats))
    monkeypatch.setattr(sys, "argv", ["verdict", str(file)])
    return verdict.main()


def changed(index: int, **changes: Any) -> list[dict[str, Any]]:
    return [entry | changes if position == index else entry for position, entry in enumerate(GOOD)]


def test_a_good_run_meets_every_objective(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(GOOD, tmp_path, monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1].rstrip(":") for line in lines] == [objective.name for objective in read_objectives()]
    assert "met    time-to-first-token: 96.0% of 100, target 95.0%" in lines


@pytest.mark.parametrize(
    ("stats", "status", "said"),
    [
        (changed(0, num_failures=1), 1, "MISSED report-availability: 99.0%"),
        (changed(1, response_times={"900": 94, "2600": 6}), 1, "MISSED time-to-first-token: 94.0%"),
        (changed(2, response_times={"31000": 100}), 1, "MISSED time-to-report: 0.0%"),
        (GOOD[:2], 2, "not measured: time-to-report"),
        (changed(0, num_failures=100)[:1], 1, "MISSED report-availability: 0.0%"),
        ([], 2, "not measured: report-availability"),
    ],
)
def test_a_missed_or_unmeasured_objective_has_its_own_status(
    stats: list[dict[str, Any]],
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(stats, tmp_path, monkeypatch) == status
    assert said in capsys.readouterr().out
