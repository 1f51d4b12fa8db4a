"""The gate's card says what its result file says, and the file meets what was promised."""

import hashlib
import json
from typing import Any

import pytest

from serve_app.imaging.screen import GATE_CHECKPOINT
from tests.conftest import ROOT
from training.gate.evaluate import table_lines


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    text = (ROOT / "training" / "gate" / "results" / "gate-1.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def test_the_cards_tables_are_the_result_files(result: dict[str, Any]) -> None:
    card = GATE_CHECKPOINT.with_name("README.md").read_text(encoding="utf-8")
    assert "\n".join(table_lines(result["tables"])) in card
    assert "doi:10.6084/m9.figshare.12275009" in card
    assert "CC BY 3.0" in card


def test_the_result_is_of_the_network_that_is_served(result: dict[str, Any]) -> None:
    assert result["checkpoint_sha256"] == hashlib.sha256(GATE_CHECKPOINT.read_bytes()).hexdigest()


def test_the_result_meets_the_promises(result: dict[str, Any]) -> None:
    tables = result["tables"]
    positive, negative, phantoms = (tables[k] for k in ("samples, positive", "samples, negative", "unseen phantoms"))
    assert positive["pass"] >= 0.8 * positive["films"]
    assert positive["refuse"] <= 0.05 * positive["films"]
    assert negative["pass"] == 0
    assert negative["refuse"] >= 0.95 * negative["films"]
    assert phantoms["pass"] >= 0.99 * phantoms["films"]
    assert max(result["gate_ms"].values()) <= 20


def test_the_served_network_names_no_folder_of_the_machine_that_trained_it() -> None:
    content = GATE_CHECKPOINT.read_bytes()
    assert not [word for word in (b"site-packages", b".py", b"stack_trace") if word in content]
