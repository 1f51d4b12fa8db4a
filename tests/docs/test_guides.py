"""The guides name what they are about: every metric, every runbook, and the picture of the layers as it is."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from serve_app import ports
from serve_app.telemetry.metrics import METRICS
from tests.docs.pages import ROOT, code, rows

DOCS = ROOT / "docs"
GUIDES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
FILE = re.compile(r"[a-z0-9_.-]+(?:/[a-z0-9_.-]+)+\.(?:json|md|py|sh|yaml)")
OPERATIONS = [row.cells[0].text for row in rows(DOCS / "operations.md")]


def test_every_metric_is_in_the_operations_guide() -> None:
    assert {name for name in OPERATIONS if name.startswith("clara_")} == {metric.name for metric in METRICS}


def test_every_alert_is_in_the_operations_guide() -> None:
    runbooks = {file.stem for file in (ROOT / "monitoring" / "runbooks").glob("*.md")}
    assert {name for name in OPERATIONS if re.fullmatch(r"Clara\w+", name)} == runbooks


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_guide_names_its_owner(page: Path) -> None:
    assert re.match(r"# .+\n\n\*Owners?: ", page.read_text(encoding="utf-8"))


def test_every_port_is_in_the_architecture_guide() -> None:
    seams = {
        name for name, kind in vars(ports).items() if inspect.isclass(kind) and getattr(kind, "_is_protocol", False)
    }
    listed = {row.cells[0].text for row in rows(DOCS / "architecture.md")}

    assert seams - {"Protocol"} <= listed


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_every_file_that_a_guide_names_is_there(page: Path) -> None:
    named = {word for word in code(page) if FILE.fullmatch(word)}

    assert [
        name for name in sorted(named) if not (ROOT / name).exists() and not (ROOT / "serve_app" / name).exists()
    ] == []


def test_the_generated_parts_of_the_architecture_are_fresh() -> None:
    command = [sys.executable, str(DOCS / "build.py"), "--check"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0
