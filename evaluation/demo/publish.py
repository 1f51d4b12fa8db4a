"""Copies a scored demo model, its scores and its card to the paths that serving and the README use.

Run it as `python -m evaluation.demo.publish runs/demo`. Rejects scores that were measured on other weights.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evaluation.demo.follow_ups import NAME as FOLLOW_UPS
from evaluation.demo.reproduced import PUBLISHED
from evaluation.predictions import PREDICTIONS
from evaluation.result import RESULT
from serve_app.engines.checkpoint import checkpoint_sha256
from serve_app.settings import DEMO_CHECKPOINT
from training.phantoms import draw, sample

SAMPLE_SEED = 12
STAGES = ("findings", "impression", "chat")
_CARD = Path(__file__).parent / "card.md"


def publish(run: Path, destination: Path = DEMO_CHECKPOINT, results: Path = PUBLISHED) -> None:
    """Copy the last stage's checkpoint, the results and the drafts, draw the sample image, write the card.

    Its films and patients are drawn, so its drafts may be published: they can be scored again without the model.

    Raises:
        ValueError: a result was measured on other weights.
    """
    checkpoint = run / "chat" / "checkpoint"
    measured = {name: _read(run / "evaluation" / name) for name in (RESULT, FOLLOW_UPS)}
    for name, result in measured.items():
        if result["checkpoint_sha256"] != checkpoint_sha256(checkpoint):
            raise ValueError(f"{name} was measured on another checkpoint: evaluate this one first")
    # The stage's own card is left out: this one has more.
    shutil.rmtree(destination, ignore_errors=True)
    destination.mkdir(parents=True)
    for file in checkpoint.iterdir():
        if file.is_file() and file.name != "README.md":
            shutil.copyfile(file, destination / file.name)
    Image.fromarray(draw(sample(np.random.default_rng(SAMPLE_SEED)))).save(destination / "sample.png")
    (destination / "README.md").write_text(_card(run, checkpoint, measured), encoding="utf-8")
    shutil.copyfile(run / "evaluation" / RESULT, results / "demo.json")
    shutil.copyfile(run / "evaluation" / PREDICTIONS, results / "demo_predictions.jsonl")
    shutil.copyfile(run / "evaluation" / FOLLOW_UPS, results / "demo_follow_ups.json")


def _card(run: Path, checkpoint: Path, measured: dict[str, Any]) -> str:
    eye = _read(run / "eye" / "eye_card.json")
    stages = {stage: _read(run / stage / "stage_card.json") for stage in STAGES}
    config, manifest = _read(checkpoint / "config.json"), _read(run / "prepared" / "manifest.json")
    weights_bytes = (checkpoint / "model.safetensors").stat().st_size
    return _CARD.read_text(encoding="utf-8").format(
        num_parameters_millions=weights_bytes / 2e6,
        text=config["text_config"],
        vision=config["vision_config"],
        eye=eye["recipe"],
        exactly_seen=eye["exactly_seen_ratio"],
        num_kinds=eye["num_kinds"],
        manifest=manifest,
        stages="\n".join(_stage_line(name, card) for name, card in stages.items()),
        commit=stages["chat"]["commit"],
        report=measured[RESULT],
        scores="\n".join(_score_lines(measured[RESULT])),
        asked=measured[FOLLOW_UPS],
        right=_with_interval(measured[FOLLOW_UPS]["scores"]["right_ratio"]),
        denied=measured[FOLLOW_UPS]["scores"]["always_denied_right_ratio"]["value"],
        findings="\n".join(
            f"| {name} | {_with_interval(found['f1'])} | {found['num_true']} |"
            for name, found in measured[RESULT]["by_finding"].items()
        ),
    )


def _stage_line(name: str, card: dict[str, Any]) -> str:
    config, metrics = card["config"], card["metrics"]
    lessons = config["batch_size"] * config["gradient_accumulation"] * config["num_workers"]
    return (
        f"| {name} | {metrics['num_steps']} of {lessons} | {config['learning_rate']:g} | "
        f"{metrics['validation_loss']:.3f} | {metrics['validation_token_accuracy']:.3f} |"
    )


def _score_lines(result: dict[str, Any]) -> list[str]:
    names = {
        "fact_f1_side": "facts, F1 with side",
        "fact_f1_finding": "facts, F1 of the finding alone",
        "fact_f1_complete": "facts, F1 with side, location and severity",
        "false_reassurance_ratio": "sick films that the draft calls normal, or whose finding it denies",
        "critical_recall": "critical findings, recall with side",
        "contradiction_ratio": "contradictions per fact of the reference",
        "high_concern_ratio": "drafts that contradict themselves, by serving's own check",
        "bleu": "BLEU, syllables",
        "rouge_l": "ROUGE-L, syllables",
    }
    baselines = result["baselines"]
    return [
        f"| {words} | {_with_interval(result['scores'][name])} | "
        f"{baselines['always_normal'][name]['value']:.3f} | {baselines['another_patient'][name]['value']:.3f} |"
        for name, words in names.items()
    ]


def _with_interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Publish the demo model of a run folder."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.demo.publish", description=main.__doc__)
    parser.add_argument("run", type=Path)
    publish(parser.parse_args().run)


if __name__ == "__main__":
    main()
