"""The shipped checkpoint is small, has its card, and the published scores are its own."""

import json
from pathlib import Path

from evaluation.demo.reproduced import PUBLISHED, hold
from evaluation.predictions import read_prediction_file
from serve_app.engines.checkpoint import checkpoint_sha256
from serve_app.settings import DEMO_CHECKPOINT, DEMO_SHA256


def published(name: str) -> dict:
    return json.loads((PUBLISHED / name).read_text(encoding="utf-8"))


def test_the_folder_is_small_and_has_a_card() -> None:
    assert sum(file.stat().st_size for file in DEMO_CHECKPOINT.iterdir()) <= 16 * 2**20
    card = (DEMO_CHECKPOINT / "README.md").read_text(encoding="utf-8")
    assert "not a medical device" in card and "không phải thiết bị y tế" in card
    assert "{" not in card


def test_the_published_scores_were_measured_on_the_shipped_files() -> None:
    for name in ("demo.json", "demo_follow_ups.json"):
        assert published(name)["checkpoint_sha256"] == checkpoint_sha256(DEMO_CHECKPOINT) == DEMO_SHA256, name


def test_the_published_drafts_are_those_that_were_scored() -> None:
    drafts = [one for one in read_prediction_file(PUBLISHED / "demo_predictions.jsonl") if one.draft is not None]
    assert len(drafts) == published("demo.json")["counts"]["num_drafts"]
    assert {one.patient_id.partition("-")[0] for one in drafts} == {"phantom"}


def test_the_published_scores_are_within_themselves(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(published("demo.json")))
    (tmp_path / "follow_ups.json").write_text(json.dumps(published("demo_follow_ups.json")))
    assert all(held.is_within for held in hold(tmp_path, PUBLISHED))


def test_the_published_scores_beat_both_baselines() -> None:
    result = published("demo.json")
    for name in ("fact_f1_side", "rouge_l"):
        assert result["scores"][name]["low"] > max(found[name]["high"] for found in result["baselines"].values())
    asked = published("demo_follow_ups.json")["scores"]
    assert asked["right_ratio"]["low"] > asked["always_denied_right_ratio"]["high"]
