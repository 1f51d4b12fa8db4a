"""The gate's card says what its result file says, and the file meets what was promised."""

import hashlib
import json
from typing import Any

import pytest

from serve_app.imaging.screen import GATE_CHECKPOINT
from tests.conftest import ROOT
from training.gate.evaluate import table_lines


def _read(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / "training" / "gate" / "results" / name).read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return _read("gate-2.json")


@pytest.fixture(scope="module")
def laterals() -> dict[str, Any]:
    return _read("laterals.json")


def test_the_cards_tables_are_the_result_files(result: dict[str, Any]) -> None:
    card = GATE_CHECKPOINT.with_name("README.md").read_text(encoding="utf-8")
    assert "\n".join(table_lines(result["tables"])) in card
    assert "doi:10.6084/m9.figshare.12275009" in card
    assert "CC BY 3.0" in card


def test_the_result_is_of_the_network_that_is_served(result: dict[str, Any]) -> None:
    assert result["checkpoint_sha256"] == hashlib.sha256(GATE_CHECKPOINT.read_bytes()).hexdigest()


def test_what_the_card_says_of_laterals_is_the_result_files(laterals: dict[str, Any]) -> None:
    card = " ".join(GATE_CHECKPOINT.with_name("README.md").read_text(encoding="utf-8").split())
    real, negative = (laterals["tables"][name] for name in ("real laterals", "samples, negative"))
    assert " ".join(table_lines(laterals["tables"])[2:]) in card
    assert f"refuse {real['refuse']} of the {real['films']} and pass {real['pass']}" in card
    least, greatest = laterals["scores"]["real laterals"]["least"], laterals["scores"]["samples, negative"]["greatest"]
    assert f"the least is {least}, while a negative sample reaches {greatest}" in card
    unjudged = laterals["tables_declared_lateral"]["samples, negative"]["unjudged"]
    assert f"{unjudged} of the {negative['films']} negative samples would go on" in card
    assert laterals["checkpoint_sha256"] == hashlib.sha256(GATE_CHECKPOINT.read_bytes()).hexdigest()


def test_the_scores_of_real_laterals_and_of_other_pictures_overlap(laterals: dict[str, Any]) -> None:
    scores = laterals["scores"]
    assert scores["real laterals"]["least"] < scores["samples, negative"]["greatest"]


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
