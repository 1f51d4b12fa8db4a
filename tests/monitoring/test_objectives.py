"""Each objective can be answered by its metric, and counts what it claims."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from monitoring.objectives import Objective, read_objectives, read_slo
from monitoring.queries import DASHBOARD, kept_share
from serve_app.telemetry.metrics import OUTCOMES, VALID_OUTCOMES

OBJECTIVES = read_objectives()
# 100 s of one scrape each 10 s: enough for a rate over 1 m.
SCRAPES = "x10"


def claim(**changes: Any) -> dict[str, Any]:
    good = {
        "name": "time-to-report",
        "claim": "c",
        "metric": "clara_report_duration_seconds",
        "threshold_s": 30,
        "target_ratio": 0.95,
        "window": "30d",
    }
    return {key: value for key, value in (good | changes).items() if value is not None}


def slo_document(**changes: Any) -> dict[str, Any]:
    return {
        "objectives": [claim(**changes)],
        "burns": [{"severity": "page", "long": "1h", "short": "5m", "spent_ratio": 0.02}],
        "min_bad_reports": 3,
    }


def test_availability_first_token_and_report_are_the_objectives() -> None:
    assert [objective.name for objective in OBJECTIVES] == [
        "report-availability",
        "time-to-first-token",
        "time-to-report",
    ]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.name)
def test_a_threshold_is_a_bucket_bound(objective: Objective) -> None:
    if objective.threshold_s is not None:
        assert objective.source.kind == "histogram"
        assert objective.threshold_s in objective.source.buckets
        assert str(int(objective.threshold_s)) in objective.claim


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"threshold_s": 31}, "31.0 s is not a bucket bound"),
        ({"metric": "clara_dreams_total"}, "no metric is named clara_dreams_total"),
        ({"threshold_s": None}, "give either threshold_s or bad_outcomes"),
        (
            {"threshold_s": None, "bad_outcomes": ["error", "refused"]},
            "not the outcome of a valid request: refused",
        ),
        ({"bad_outcomes": ["error"]}, "give either threshold_s or bad_outcomes"),
        ({"target_ratio": 1}, "target_ratio"),
        ({"treshold_s": 30}, "treshold_s"),
    ],
)
def test_an_objective_that_cannot_be_counted_is_refused(
    changes: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(yaml.safe_dump(slo_document(**changes)))
    with pytest.raises(ValidationError, match=re.escape(complaint)):
        read_objectives(file)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"short": "1h"}, "1h is not shorter than 1h"),
        ({"long": "an hour"}, "long"),
        ({"severity": "mail"}, "severity"),
        (
            {"spent_ratio": 0.03, "long": "1h", "objective": {"target_ratio": 0.95}},
            "nothing spends 0.03 of its budget in 1h",
        ),
    ],
)
def test_a_burn_that_cannot_fire_is_refused(changes: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    objective = changes.pop("objective", {})
    document = slo_document(**objective)
    document["burns"] = [document["burns"][0] | changes]
    file = tmp_path / "slo.yaml"
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(ValidationError, match=re.escape(complaint)):
        read_slo(file)


def test_the_burns_are_the_workbooks() -> None:
    read = read_slo()
    expected = [("page", "1h", "5m", 14.4), ("page", "6h", "30m", 6), ("ticket", "3d", "6h", 1)]
    for objective in read.objectives:
        assert [(burn.severity, burn.long, burn.short, burn.factor(objective)) for burn in read.burns] == expected


def test_an_outcome_is_one_that_the_door_counts() -> None:
    api = Path(__file__).parents[2] / "serve_app" / "api"
    door = "".join(path.read_text(encoding="utf-8") for path in api.rglob("*.py"))
    assert all(f'"{outcome}"' in door for outcome in OUTCOMES)
    for objective in OBJECTIVES:
        assert set(objective.bad_outcomes) <= set(OUTCOMES)


@pytest.mark.parametrize(
    ("name", "series", "kept"),
    [
        ("report-availability", {'reports_total{outcome="ok"}': 3, 'reports_total{outcome="error"}': 1}, 0.75),
        ("report-availability", {'reports_total{outcome="ok"}': 3, 'reports_total{outcome="refused"}': 1}, 1),
        *(
            (
                "report-availability",
                {
                    'reports_total{outcome="ok"}': 1,
                    'reports_total{outcome="unavailable"}': 1,
                    f'reports_total{{outcome="{outcome}"}}': 98,
                },
                0.5,
            )
            for outcome in sorted(set(OUTCOMES) - set(VALID_OUTCOMES))
        ),
        (
            "time-to-report",
            {
                'report_duration_seconds_bucket{le="30.0"}': 1,
                'report_duration_seconds_bucket{le="+Inf"}': 4,
                "report_duration_seconds_count": 4,
            },
            0.25,
        ),
        (
            "time-to-first-token",
            {
                'time_to_first_token_seconds_bucket{le="2.5"}': 4,
                'time_to_first_token_seconds_bucket{le="+Inf"}': 4,
                "time_to_first_token_seconds_count": 4,
            },
            1,
        ),
    ],
)
def test_prometheus_counts_the_share_that_is_kept(
    name: str, series: dict[str, int], kept: float, promtool: Path, tmp_path: Path
) -> None:
    objective = next(objective for objective in OBJECTIVES if objective.name == name)
    expr = kept_share(objective, "1m").replace(DASHBOARD.selector, 'ray_io_cluster=~".*"')
    samples = [{"series": f"ray_clara_{name}", "values": f"0+{step}{SCRAPES}"} for name, step in series.items()]
    check = {"expr": f"round({expr}, 0.001)", "eval_time": "90s", "exp_samples": [{"labels": "{}", "value": kept}]}
    file = tmp_path / "test.yaml"
    file.write_text(
        yaml.safe_dump({"tests": [{"interval": "10s", "input_series": samples, "promql_expr_test": [check]}]})
    )
    run = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
