"""The guides name what they are about: every metric, every runbook, and the picture of the layers as it is."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from serve_app import ports
from serve_app.settings import Settings
from serve_app.telemetry.metrics import METRICS
from tests.docs.pages import ROOT, code, pages, rows

DOCS = ROOT / "docs"
GUIDES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
FILE = re.compile(r"[a-z0-9_.-]+(?:/[a-z0-9_.-]+)+\.(?:json|md|py|sh|yaml)")
# They name what once was.
HISTORIES = {"CHANGELOG.md", "LOG.md"}
SETTING = re.compile(rf"(?:app\.)?(?:{'|'.join(Settings.model_fields)})(?:\.[a-z_0-9]+)+")
OPERATIONS = [row.cells[0].text for row in rows(DOCS / "operations.md")]


def relative(page: Path) -> str:
    """Name a page."""
    return str(page.relative_to(ROOT))


def is_setting(name: str) -> bool:
    """Whether the settings have a field of this name, such as gateway.scaling.min_replicas."""
    step: type[BaseModel] | None = Settings
    for part in name.split("."):
        if step is None or part not in step.model_fields:
            return False
        kind = step.model_fields[part].annotation
        step = kind if inspect.isclass(kind) and issubclass(kind, BaseModel) else None
    return True


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


@pytest.mark.parametrize("page", [page for page in pages() if page.name not in HISTORIES], ids=relative)
def test_every_setting_that_a_page_names_is_there(page: Path) -> None:
    named = {word.removeprefix("app.") for word in code(page) if SETTING.fullmatch(word)}

    assert [name for name in sorted(named) if not is_setting(name)] == []


def test_the_generated_parts_of_the_architecture_are_fresh() -> None:
    command = [sys.executable, str(DOCS / "build.py"), "--check"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0
