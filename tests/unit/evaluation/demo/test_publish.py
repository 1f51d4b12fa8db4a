"""Publishing takes the weights that were scored, and no others, with a card that tells their scores."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.demo.publish import STAGES, publish
from serve_app.engines.checkpoint import checkpoint_sha256

FIGURE = {"value": 0.5, "low": 0.4, "high": 0.6}
NAMES = (
    *("fact_f1_side", "fact_f1_finding", "fact_f1_complete", "false_reassurance_ratio", "critical_recall"),
    *("contradiction_ratio", "high_concern_ratio", "bleu", "rouge_l"),
)


def write(path: Path, content: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a run leaves behind, without its weight."""
    run = tmp_path / "run"
    checkpoint = run / "chat" / "checkpoint"
    shape = {
        "num_hidden_layers": 1,
        "hidden_size": 2,
        "num_attention_heads": 3,
        "depth": 4,
        "embed_dim": 5,
        "num_heads": 6,
    }
    write(checkpoint / "config.json", {"text_config": shape, "vision_config": shape})
    (checkpoint / "model.safetensors").write_bytes(b"weights")
    (checkpoint / "README.md").write_text("the stage's own card")
    for stage in STAGES:
        config = {"batch_size": 8, "gradient_accumulation": 1, "num_workers": 2, "learning_rate": 0.001}
        metrics = {"num_steps": 7, "validation_loss": 0.25, "validation_token_accuracy": 0.9}
        write(run / stage / "stage_card.json", {"config": config, "metrics": metrics, "commit": "c0ffee"})
    recipe = {"max_visual_tokens": 64, "num_steps": 9, "batch_size": 32}
    write(run / "eye" / "eye_card.json", {"recipe": recipe, "num_kinds": 50, "exactly_seen_ratio": 0.5})
    write(
        run / "prepared" / "manifest.json",
        {"splits": {"train": {"num_studies": 10}}, "digests_sha256": "0123456789abcdef"},
    )
    scores = dict.fromkeys(NAMES, FIGURE)
    report = {
        "checkpoint_sha256": checkpoint_sha256(checkpoint),
        "date": "2026-11-24",
        "engine": "vllm",
        "engine_version": "0.32.0",
        "counts": {"num_drafts": 3},
        "scores": scores,
        "baselines": {"always_normal": scores, "another_patient": scores},
        "by_finding": {"effusion": {"f1": FIGURE, "num_true": 5}},
    }
    asked = {"right_ratio": FIGURE, "always_denied_right_ratio": FIGURE}
    sha256 = checkpoint_sha256(checkpoint)
    write(run / "evaluation" / "result.json", report)
    write(run / "evaluation" / "predictions.jsonl", {"study_id": "drawn"})
    write(
        run / "evaluation" / "follow_ups.json",
        {"checkpoint_sha256": sha256, "num_questions": 12, "num_patients": 3, "scores": asked},
    )
    return run


def test_what_was_scored_is_shipped_with_its_card_and_a_drawn_film(run: Path, tmp_path: Path) -> None:
    shipped, results = tmp_path / "shipped", tmp_path / "results"
    shipped.mkdir()
    (shipped / "left-over").write_text("of another model")
    results.mkdir()

    publish(run, shipped, results)

    assert {file.name for file in shipped.iterdir()} == {"config.json", "model.safetensors", "README.md", "sample.png"}
    assert checkpoint_sha256(shipped) == checkpoint_sha256(run / "chat" / "checkpoint")
    card = (shipped / "README.md").read_text(encoding="utf-8")
    assert "not a medical device" in card and "{" not in card
    assert "| effusion | 0.500 (0.400 to 0.600) | 5 |" in card
    assert np.asarray(Image.open(shipped / "sample.png")).ndim == 2
    for made, told in (
        ("result.json", "demo.json"),
        ("follow_ups.json", "demo_follow_ups.json"),
        ("predictions.jsonl", "demo_predictions.jsonl"),
    ):
        assert (results / told).read_bytes() == (run / "evaluation" / made).read_bytes()


def test_scores_of_other_weights_are_refused_and_nothing_is_touched(run: Path, tmp_path: Path) -> None:
    (run / "chat" / "checkpoint" / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(ValueError, match="another checkpoint"):
        publish(run, tmp_path / "shipped", tmp_path)
    assert not (tmp_path / "shipped").exists()
