"""Dashboard and rules ask for metrics that exist; the dashboard in units that fit."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from monitoring.build import ALERTS, DASHBOARD
from monitoring.grafana import dashboard
from monitoring.panels import Panel, rows
from monitoring.queries import RELEASE
from serve_app.telemetry.metrics import METRICS, Metric

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"\bray_\w+")
HISTOGRAM_PART = re.compile(r"_(bucket|count)$")
UNITS = {"_seconds": "s", "_ms": "ms"}


def names_in(expr: str) -> set[str]:
    """Find the metrics of a query, without the parts of a histogram."""
    return {HISTOGRAM_PART.sub("", name) for name in NAME.findall(expr) if name != "ray_io_cluster"}


def source_of(package: str, *files: str) -> str:
    """Read a package's source without importing it."""
    spec = importlib.util.find_spec(package)
    assert spec
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0])
    return "".join(path.read_text(encoding="utf-8") for pattern in files for path in folder.glob(pattern))


def test_every_metric_of_ours_exists(expressions: list[str]) -> None:
    known = {f"ray_{metric.name}" for metric in METRICS}
    asked = {name for expr in expressions for name in names_in(expr) if name.startswith("ray_clara_")}
    assert asked
    assert asked <= known


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_of_ours_is_shown(metric: Metric, queries: list[str]) -> None:
    assert f"ray_{metric.name}" in {name for expr in queries for name in names_in(expr)}


def test_every_label_of_ours_exists(expressions: list[str]) -> None:
    labels = {label for metric in METRICS for label in metric.labels} | {"le", *RELEASE.by}
    for expr in expressions:
        if "ray_clara_" in expr:
            asked = {label for group in re.findall(r"by \(([^)]*)\)", expr) for label in group.split(",")}
            assert asked <= labels


def test_every_vllm_metric_exists_in_the_installed_vllm(expressions: list[str]) -> None:
    source = source_of("vllm", "v1/metrics/loggers.py")
    asked = {name for expr in expressions for name in names_in(expr) if name.startswith("ray_vllm_")}
    assert asked
    for name in asked:
        # Ray adds `_total` to a counter that lacks it.
        assert f'"vllm:{name.removeprefix("ray_vllm_").removesuffix("_total")}"' in source


def test_every_serve_metric_exists_in_the_installed_ray(expressions: list[str]) -> None:
    source = source_of("ray", "serve/_private/*.py")
    asked = {name for expr in expressions for name in names_in(expr) if name.startswith("ray_serve_")}
    assert asked
    for name in asked:
        assert f'"{name.removeprefix("ray_")}"' in source


def test_a_unit_agrees_with_the_name(panels: list[Panel]) -> None:
    for panel in panels:
        for query in panel.queries:
            is_quantile = query.expr.startswith("histogram_quantile")
            (suffix,) = [suffix for suffix in UNITS if f"{suffix}_bucket" in query.expr] if is_quantile else [""]
            expected = UNITS.get(suffix, "percentunit" if " / " in query.expr else panel.unit)
            assert panel.unit == expected, panel.title
            assert is_quantile or panel.unit not in UNITS.values(), panel.title


def test_no_query_takes_the_mean_of_a_histogram(expressions: list[str]) -> None:
    """Ray makes a histogram's sum from bucket midpoints."""
    assert not any("_sum" in expr for expr in expressions)


def test_brackets_balance(expressions: list[str]) -> None:
    for expr in expressions:
        for opening, closing in ("()", "{}", "[]"):
            assert expr.count(opening) == expr.count(closing)
        assert expr.count('"') % 2 == 0


def test_a_legend_names_a_label_of_its_query(panels: list[Panel]) -> None:
    for panel in panels:
        for query in panel.queries:
            for label in re.findall(r"{{(\w+)}}", query.legend):
                assert re.search(rf"by \([^)]*\b{label}\b", query.expr)


def test_panels_have_their_own_ids_and_places() -> None:
    panels = dashboard(rows())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)


def test_what_is_generated_is_fresh() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "monitoring.build", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert (run.returncode, run.stdout) == (0, "")
    assert json.loads(DASHBOARD.read_text(encoding="utf-8"))["uid"] == "clara"
    assert ALERTS.is_file()


def test_prometheus_parses_every_query(queries: list[str], promtool: Path, tmp_path: Path) -> None:
    rules = [
        {"record": f"clara:query_{index}", "expr": expr.replace("$cluster", ".*")} for index, expr in enumerate(queries)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("title", "series", "labels"),
    [
        ("Prefix cache hits", "ray_vllm_prefix_cache_queries_total{}", "{}"),
        ("Image cache hits", "ray_vllm_mm_cache_queries_total{}", "{}"),
        (
            "Prompt tokens from the cache, by turn",
            'ray_clara_prompt_tokens_total{section="findings",source="computed"}',
            '{section="findings"}',
        ),
    ],
)
def test_a_share_of_what_never_came_is_none(
    title: str, series: str, labels: str, panels: list[Panel], promtool: Path, tmp_path: Path
) -> None:
    """Ray shows no counter that is still 0."""
    (expr,) = (
        query.expr.replace("$cluster", ".*") for panel in panels if panel.title == title for query in panel.queries
    )
    check = {"expr": expr, "eval_time": "9m", "exp_samples": [{"labels": labels, "value": 0}]}
    samples = [{"series": series, "values": "0+5x10"}]
    file = tmp_path / "test.yaml"
    file.write_text(
        yaml.safe_dump({"tests": [{"interval": "1m", "input_series": samples, "promql_expr_test": [check]}]})
    )
    run = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
