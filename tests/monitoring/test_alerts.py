"""Every alert fires and stays silent as its cases say, and tells whoever is woken what to do."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.build import ALERTS, groups
from monitoring.rules import RUNBOOKS, Alert, Record
from serve_app.domain.report import SectionName, SectionStatus
from serve_app.settings import Settings
from serve_app.telemetry.metrics import METRICS
from tests.monitoring.test_dashboard import HISTOGRAM_PART

ROOT = Path(__file__).parents[2]
CASES = ROOT / "monitoring" / "alert_tests"
NAMES = sorted({alert.name for group in groups() for alert in group.alerts})


def cases(name: str) -> list[dict[str, Any]]:
    document = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    assert (CASES / document["rule_files"][0]).resolve() == ALERTS
    return list(document["tests"])


def test_prometheus_accepts_the_rules(promtool: Path) -> None:
    run = subprocess.run([promtool, "check", "rules", "--lint-fatal", ALERTS], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", [*NAMES, "platform"])
def test_an_alert_fires_and_stays_silent_as_its_cases_say(name: str, promtool: Path) -> None:
    run = subprocess.run([promtool, "test", "rules", CASES / f"{name}.yaml"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_alert_has_cases() -> None:
    assert sorted(path.stem for path in CASES.iterdir()) == sorted([*NAMES, "platform"])


@pytest.mark.parametrize("name", NAMES)
def test_a_case_says_whether_it_fires(name: str, alerts: list[Alert]) -> None:
    fired: set[str] = set()
    for case in cases(name):
        checks = case["promql_expr_test"]
        labels = [sample["labels"] for check in checks for sample in check["exp_samples"]]
        assert all(f'alertname="{name}"' in check["expr"] for check in checks)
        assert bool(labels) == (not case["name"].startswith("stays silent")), case["name"]
        fired |= {label for text in labels for label in re.findall(r'severity="\w+"|window="\w+"', text)}
    assert any(case["name"].startswith("stays silent") for case in cases(name))
    for alert in alerts:
        if alert.name == name:
            labels = {"severity": alert.severity} | ({"window": alert.labels["window"]} if alert.labels else {})
            assert {f'{key}="{value}"' for key, value in labels.items()} <= fired


def test_a_case_names_metrics_and_labels_that_the_platform_has(expressions: list[str]) -> None:
    asked = {name for expr in expressions for name in re.findall(r"\bray_\w+", expr)}
    values = {"section": set(SectionName), "status": set(SectionStatus)}
    labels = {f"ray_{metric.name}": {*metric.labels, "le", "job", "namespace"} for metric in METRICS}
    for path in CASES.iterdir():
        for case in cases(path.stem):
            for series in (entry["series"] for entry in case["input_series"]):
                name, _, rest = series.partition("{")
                given = dict(re.findall(r'(\w+)="([^"]*)"', rest))
                assert name in asked
                assert given.keys() <= labels.get(HISTOGRAM_PART.sub("", name), given.keys())
                assert all(given[label] in known for label, known in values.items() if label in given)


def test_every_alert_has_a_runbook_that_says_what_to_do() -> None:
    files = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / RUNBOOKS).iterdir()}
    assert sorted(files) == NAMES
    for name, text in files.items():
        assert re.findall(r"^#+ .*$", text, re.MULTILINE) == [
            f"# {name}",
            "## What it means",
            "## What to look at",
            "## What to do",
        ]
        assert text.count("\n") < 40


def test_a_runbook_names_settings_that_exist() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / RUNBOOKS).iterdir()]
    named = {setting for text in texts for setting in re.findall(r"`app\.([\w.]+)`", text)}
    assert named
    for setting in named:
        node: Any = Settings()
        for key in setting.split("."):
            assert hasattr(node, key), setting
            node = getattr(node, key)


def test_a_runbook_names_metrics_and_panels_that_exist(expressions: list[str], panels: list[Any]) -> None:
    asked = {name for expr in expressions for name in re.findall(r"\bray_\w+", expr)}
    titles = {panel.title for panel in panels}
    for path in (ROOT / RUNBOOKS).iterdir():
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"\bray_[a-z_]+", text)) <= asked, path.name
        assert set(re.findall(r"\*([A-Z][^*\n]+)\*", text)) <= titles, path.name


def test_what_is_told_names_labels_that_the_result_has(alerts: list[Alert]) -> None:
    for alert in alerts:
        for label in re.findall(r"\$labels\.(\w+)", alert.summary + alert.description):
            assert re.search(rf"by \([^)]*\b{label}\b", alert.expr), alert.name


def test_a_duration_that_is_told_is_the_one_that_is_held(alerts: list[Alert]) -> None:
    for alert in alerts:
        if alert.hold != "0m":
            assert f"{alert.hold.removesuffix('m')} minutes" in alert.description


def test_every_rule_reads_one_job() -> None:
    for group in groups():
        for rule in group.rules:
            for selector in re.findall(r"[\w:]+\{([^}]*)\}", rule.expr):
                assert selector.startswith('job="clara"')
            names = re.findall(r"\b(?:ray_\w+|clara:[\w:]+)", rule.expr)
            assert len(names) == len(re.findall(r"[\w:]+\{", rule.expr))


def test_what_is_recorded_is_read(alerts: list[Alert]) -> None:
    records = [rule for group in groups() for rule in group.rules if isinstance(rule, Record)]
    read = " ".join([*(alert.expr for alert in alerts), *(record.expr for record in records)])
    assert [record.name for record in records if f"{record.name}{{" not in read] == []
