"""Writes the cards of a finished stage, as JSON and as README: inputs, settings and losses. No report text."""

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

from training.data.manifest import Prepared
from training.stages.config import StageConfig
from training.stages.export import CARD, CHECKPOINT
from training.stages.lessons import Dropped

_PACKAGES = ("torch", "transformers", "trl", "peft")
_TEMPLATE = Path(__file__).parent / "card.md"


class StageMetrics(TypedDict):
    """The losses of the exported state, which is the last one or the best; `num_steps` were trained."""

    num_steps: int
    exported_step: int
    train_loss: float
    train_token_accuracy: float
    validation_loss: float
    validation_token_accuracy: float
    validation_fact_f1: float | None


class StageCard(TypedDict):
    """The content of `stage_card.json`. `config` is a `StageConfig`; a manifest's hash names a prepared data set."""

    config: dict[str, Any]
    data_manifest_sha256: str
    base_data_manifest_sha256: str | None
    preparation_version: str
    max_visual_tokens: int
    commit: str | None
    date: str
    packages: dict[str, str]
    num_lessons_dropped: dict[str, dict[str, int]]
    num_lessons_by_process: list[int]
    metrics: StageMetrics


def write_card(
    config: StageConfig,
    data: Prepared,
    metrics: StageMetrics,
    dropped: Mapping[str, Counter[Dropped]],
    num_lessons_by_process: Sequence[int],
) -> None:
    """Write the checkpoint's README.md, then `stage_card.json`, which marks the stage as finished.

    `num_lessons_by_process` counts the lessons of each process since its last start.
    """
    card: StageCard = {
        "config": config.model_dump(mode="json"),
        "data_manifest_sha256": data.manifest_sha256,
        "base_data_manifest_sha256": base_data(config),
        "preparation_version": data.preparation_version,
        "max_visual_tokens": data.max_visual_tokens,
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "packages": {name: version(name) for name in _PACKAGES},
        "num_lessons_dropped": {
            split: {why.value: n for why, n in counts.items()} for split, counts in dropped.items()
        },
        "num_lessons_by_process": list(num_lessons_by_process),
        "metrics": metrics,
    }
    (config.out / CHECKPOINT / "README.md").write_text(_readme(config, card), encoding="utf-8")
    partial = config.out / f"{CARD}.partial"
    partial.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.rename(config.out / CARD)


def _readme(config: StageConfig, card: StageCard) -> str:
    unstated = "not stated. The terms of base and data bind this checkpoint: read them before you pass it on."
    dropped = card["num_lessons_dropped"].get("train", {})
    fact_f1 = card["metrics"]["validation_fact_f1"]
    return _TEMPLATE.read_text(encoding="utf-8").format(
        **card["metrics"],
        fact_f1="not measured" if fact_f1 is None else f"{fact_f1:.4f}",
        stage=config.stage,
        base=config.base,
        method="all weights" if config.lora is None else f"LoRA of rank {config.lora.rank}, merged",
        lessons_a_step=config.batch_size * config.gradient_accumulation * config.num_workers,
        data=_data_text(card["data_manifest_sha256"], card["base_data_manifest_sha256"]),
        preparation_version=card["preparation_version"],
        max_visual_tokens=card["max_visual_tokens"],
        prompt_version=config.prompt_version,
        commit=card["commit"] or "unknown",
        packages=", ".join(f"{name} {number}" for name, number in card["packages"].items()),
        date=card["date"],
        dropped=", ".join(f"{number} {why}" for why, number in dropped.items()) or "none",
        licence=config.licence or "other",
        licence_words=config.licence or unstated,
    )


def read_card(out: Path) -> StageCard:
    """Read the card of a finished stage."""
    card: StageCard = json.loads((out / CARD).read_text(encoding="utf-8"))
    return card


def base_data(config: StageConfig) -> str | None:
    """Return the base's training data, or None if the base is not the checkpoint of a stage."""
    path = Path(config.base).parent / CARD
    if not path.exists():
        return None
    return read_card(path.parent)["data_manifest_sha256"]


def _data_text(manifest: str, base: str | None) -> str:
    words = f"prepared set with manifest `{manifest}`"
    if base in (None, manifest):
        return words
    return f"{words}; the base learned from another, `{base}`, which may hold patients of this one's validation"


def commit() -> str | None:
    """Return the commit of the code, or None outside a repository."""
    here = Path(__file__).parent
    command = ["git", "-c", f"safe.directory={here.parents[1]}", "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None
