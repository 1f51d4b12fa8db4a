"""The alerts as the operator loads them: whole, and each release's own."""

import re
import subprocess
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

from charts.render import CHART, merged, profile
from tests.deploy.conftest import WATCHED
from tests.deploy.manifests import Manifest, of_kind

RULES = yaml.safe_load((CHART / "alerts" / "clara.yaml").read_text(encoding="utf-8"))
HEALTHY = "ray_serve_deployment_replica_healthy"
WANTED = "ray_serve_autoscaling_target_replicas"
TEMPLATE = "clara/templates/prometheusrule.yaml"


def rule_of(release: str, namespace: str, values: Manifest | None = None) -> Manifest:
    """Render the alerts of a release of another name or namespace than the other tests have."""
    with helm.Chart.load(str(CHART)) as chart:
        given = merged(merged(profile("laptop"), WATCHED), values or {})
        return dict(yaml.safe_load(chart.render(given, name=release, namespace=namespace)[TEMPLATE]))


def written(document: Manifest, file: Path) -> Path:
    """Write the rules as the operator hands them to Prometheus."""
    file.write_text(yaml.safe_dump(document["spec"]))
    return file


def test_the_rules_travel_whole_and_read_their_release_only(documents: list[Manifest]) -> None:
    document = of_kind(documents, "PrometheusRule")
    text = yaml.safe_dump(document["spec"]["groups"], width=10_000)
    ours = 'namespace="clara",job="clara/clara"'

    assert set(re.findall(r'[\w=",/]*job="[^"]*"', text)) == {ours}
    assert yaml.safe_load(text.replace(ours, 'job="clara"')) == RULES["groups"]


def test_the_job_is_that_of_the_monitor(documents: list[Manifest]) -> None:
    """The operator names a job after the monitor's namespace and name."""
    monitor = of_kind(documents, "PodMonitor", "clara")
    name = f"{monitor['metadata']['namespace']}/{monitor['metadata']['name']}"
    assert "jobLabel" not in monitor["spec"]
    assert f'job="{name}"' in str(of_kind(documents, "PrometheusRule"))


def test_labels_are_added_to_every_alert_and_leave_the_others(documents: list[Manifest]) -> None:
    document = rule_of("clara", "clara", {"prometheusRule": {"alertLabels": {"team": "reading-room"}}})
    plain = of_kind(documents, "PrometheusRule")
    pairs = [
        (before, after)
        for group, other in zip(plain["spec"]["groups"], document["spec"]["groups"], strict=True)
        for before, after in zip(group["rules"], other["rules"], strict=True)
    ]
    assert pairs
    for before, after in pairs:
        added = {"team": "reading-room"} if "alert" in before else {}
        assert after == before | {"labels": before["labels"] | added}


def seen(healthy: dict[str, int]) -> list[dict[str, str]]:
    """Series of jobs whose engine wants one replica, and has so many that are healthy."""
    counts = {job: {HEALTHY: number, WANTED: 1} for job, number in healthy.items()}
    return [
        {
            "series": f'{name}{{job="{job}",namespace="{job.partition("/")[0]}",deployment="engine"}}',
            "values": f"{n}x30",
        }
        for job, numbers in counts.items()
        for name, n in numbers.items()
    ]


def firing(*alerts: tuple[str, str]) -> dict[str, Any]:
    """Expect these alerts, given by name and job, and no others."""
    samples = [
        {"labels": f'{{alertname="{name}",job="{job}",namespace="{job.partition("/")[0]}"}}', "value": 1}
        for name, job in alerts
    ]
    expr = 'count by (alertname,namespace,job) (ALERTS{alertstate="firing"})'
    return {"expr": expr, "eval_time": "20m", "exp_samples": samples}


def test_each_release_is_told_of_itself(promtool: Path, tmp_path: Path) -> None:
    """Two of one name, two in one namespace: one has lost its replica, then another is gone."""
    releases = [("clara", "reading"), ("night", "reading"), ("clara", "research")]
    files = [written(rule_of(*release), tmp_path / f"{'-'.join(release)}.yaml") for release in releases]
    down = ("ClaraDeploymentDown", "reading/clara")
    both = seen({"reading/clara": 0, "research/clara": 1})
    all_three = both + seen({"reading/night-clara": 1})
    tests = [
        {"interval": "1m", "input_series": all_three, "promql_expr_test": [firing(down)]},
        {
            "interval": "1m",
            "input_series": both,
            "promql_expr_test": [firing(down, ("ClaraAbsent", "reading/night-clara"))],
        },
    ]
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(path) for path in files], "tests": tests}))
    run = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
