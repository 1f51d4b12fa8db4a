"""The gate's card says what its result file says, and the file meets what was promised."""

import hashlib
import json
from typing import Any

import pytest

from serve_app.imaging.screen import GATE_CHECKPOINT
from tests.conftest import ROOT
from training.gate.collection import HALVES
from training.gate.evaluate import table_lines


def _read(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / "training" / "gate" / "results" / name).read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return _read("gate-3.json")


@pytest.fixture(scope="module")
def before() -> dict[str, Any]:
    return _read("gate-2-others.json")


def test_the_cards_tables_are_the_result_files(result: dict[str, Any]) -> None:
    card = GATE_CHECKPOINT.with_name("README.md").read_text(encoding="utf-8")
    assert "\n".join(table_lines(result["tables"])) in card
    assert "doi:10.6084/m9.figshare.12275009" in card
    assert "doi:10.7937/K9/TCIA.2015.LO9QL9SX" in card
    assert card.count("CC BY 3.0") == 2


def test_the_result_is_of_the_network_that_is_served(result: dict[str, Any]) -> None:
    assert result["checkpoint_sha256"] == hashlib.sha256(GATE_CHECKPOINT.read_bytes()).hexdigest()


def test_the_result_meets_the_promises_on_pictures_of_other_sources(result: dict[str, Any]) -> None:
    for part in HALVES:
        laterals, coronal, frontals, panoramas = (
            result["tables"][f"{kind}, {part}"] for kind in ("laterals", "coronal CT", "frontals", "dental panoramas")
        )
        assert laterals["pass"] == panoramas["pass"] == 0
        assert coronal["refuse"] >= 0.75 * coronal["films"]
        assert frontals["pass"] >= 0.95 * frontals["films"]


def test_in_no_set_of_other_sources_the_network_is_worse_than_the_one_before(
    result: dict[str, Any], before: dict[str, Any]
) -> None:
    for name, old in before["tables"].items():
        new = result["tables"][name]
        assert new["films"] == old["films"], name
        if name.startswith("frontals"):
            assert new["pass"] >= old["pass"], name
        elif name.startswith("laterals"):
            assert new["pass"] <= old["pass"], name
        else:
            assert new["refuse"] >= old["refuse"], name


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
