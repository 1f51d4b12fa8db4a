"""A finished stage's cards say what it was made of."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.data.manifest import Prepared
from training.stages.card import write_card
from training.stages.config import StageConfig

LOSSES = ("train_loss", "train_token_accuracy", "validation_loss", "validation_token_accuracy")
METRICS = {"num_steps": 1, "exported_step": 1, "validation_fact_f1": None, **dict.fromkeys(LOSSES, 0.5)}


@pytest.fixture
def write(tmp_path: Path, config: Callable[..., StageConfig]) -> Callable[[str], tuple[dict[str, Any], str]]:
    """Write the cards of a stage whose base is the last one written; return both."""

    def make(name: str, data: str) -> tuple[dict[str, Any], str]:
        bases = [str(path) for path in tmp_path.glob("*/checkpoint")]
        stage = config("findings", base=(bases or ["base"])[-1], out=tmp_path / name)
        (stage.out / "checkpoint").mkdir(parents=True)
        write_card(stage, Prepared(data, "clara-prep-1", 640), METRICS, {}, [1])
        card = json.loads((stage.out / "stage_card.json").read_text())
        return card, (stage.out / "checkpoint" / "README.md").read_text(encoding="utf-8")

    return make


def test_the_cards_name_the_data(write: Callable[..., tuple[dict[str, Any], str]]) -> None:
    card, page = write("first", "data")
    assert (card["data_manifest_sha256"], card["base_data_manifest_sha256"]) == ("data", None)
    assert (card["preparation_version"], card["max_visual_tokens"]) == ("clara-prep-1", 640)
    assert "manifest `data` |" in page
    assert "at most 640 visual tokens, prepared by `clara-prep-1`" in page


def test_a_base_that_learned_from_other_data_is_told(write: Callable[..., tuple[dict[str, Any], str]]) -> None:
    write("first", "data")
    card, page = write("second", "other")
    assert (card["data_manifest_sha256"], card["base_data_manifest_sha256"]) == ("other", "data")
    assert "manifest `other`; the base learned from another, `data`" in page
