"""A run is scored again from its drafts alone, and its result still says what drafted them, on which data."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.predictions import PREDICTIONS, Text, UnusableFolder, read_predictions
from evaluation.rescore import rescore
from evaluation.result import score_run
from training.data import BadRow

LEFT = Text("Tràn dịch màng phổi trái.", "Tràn dịch màng phổi trái.")
RIGHT = Text("Tràn dịch màng phổi phải.", "Tràn dịch màng phổi phải.")


@pytest.fixture
def run(make_run: Callable[..., Path]) -> Path:
    folder = make_run("run", [LEFT, LEFT], [LEFT, RIGHT])
    result = score_run({"model": "m"}, read_predictions(folder), [BadRow("f", 1, "no image")])
    old = {**result, "date": "2026-01-01", "commit": "c0ffee", "scores": {}}
    (folder / "result.json").write_text(json.dumps(old), encoding="utf-8")
    return folder


def test_the_scores_are_new_and_the_drafts_are_not(run: Path) -> None:
    found = rescore(run / PREDICTIONS, run / "result.json")

    assert found["scores"]["fact_f1_side"]["value"] == 0.5
    assert (found["model"], found["counts"]["bad_rows"]) == ("m", {"no image": 1})
    assert (found["drafted"]["date"], found["drafted"]["commit"]) == ("2026-01-01", "c0ffee")
    assert found["date"] != "2026-01-01"
    assert json.loads((run / "result.json").read_text(encoding="utf-8")) == found


def test_scored_twice_it_still_says_when_it_was_drafted(run: Path) -> None:
    once, twice = (rescore(run / PREDICTIONS, run / "result.json") for _ in range(2))
    assert once["drafted"] == twice["drafted"]


def test_a_damaged_draft_leaves_the_result_alone(run: Path) -> None:
    (run / PREDICTIONS).write_text("nonsense\n")
    before = (run / "result.json").read_bytes()
    with pytest.raises(UnusableFolder):
        rescore(run / PREDICTIONS, run / "result.json")
    assert (run / "result.json").read_bytes() == before
