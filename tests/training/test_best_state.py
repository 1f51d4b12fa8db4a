"""A stage exports its best validated state, stops early, and does both after a kill as well."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close
from transformers import AutoModelForImageTextToText

from training.stages.config import StageConfig, load_config
from training.stages.fact_score import FactScorer
from training.stages.train import train_stage

TINY = Path(__file__).parents[2] / "training" / "configs" / "tiny"
LORA = ("method=lora", "lora.rank=4")


@pytest.fixture
def make(tiny_base: Path, tiny_data: Path, tmp_path: Path) -> Callable[..., StageConfig]:
    def config(name: str, *changes: str) -> StageConfig:
        given = (f"base={tiny_base}", f"data={tiny_data}", f"out={tmp_path / name}", "max_steps=8")
        every = ("save_every_steps=2", "eval_every_steps=2", "num_generated_answers=2", "best_by=fact_f1")
        return load_config(TINY / "findings.yaml", (*given, *every, *changes))

    return config


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Script the facts that validations match, of ten."""

    def script(*num_matched: int) -> None:
        scores: Iterator[int] = iter(num_matched)
        monkeypatch.setattr(FactScorer, "counts", lambda *_, **__: [next(scores), 10, 10])

    return script


def exported(config: StageConfig) -> dict[str, torch.Tensor]:
    return load_file(config.out / "checkpoint" / "model.safetensors")


def state_weights(config: StageConfig, step: int) -> dict[str, torch.Tensor]:
    folder = config.out / "states" / f"checkpoint-{step}"
    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.bfloat16).state_dict()


def test_the_best_state_is_exported_not_the_last(make: Callable[..., StageConfig], scored: Callable[..., None]) -> None:
    scored(1, 5, 3, 4)
    card = train_stage(config := make("best"))
    assert (card["metrics"]["num_steps"], card["metrics"]["exported_step"]) == (8, 4)
    assert card["metrics"]["validation_fact_f1"] == 0.5
    model = AutoModelForImageTextToText.from_pretrained(config.out / "checkpoint", dtype=torch.bfloat16)
    assert_close(model.state_dict(), state_weights(config, 4), rtol=0, atol=0)
    assert "those of step 4" in (config.out / "checkpoint" / "README.md").read_text(encoding="utf-8")


def test_adapters_of_the_best_state_are_exported(make: Callable[..., StageConfig], scored: Callable[..., None]) -> None:
    scored(5, 1, 1, 1)
    card = train_stage(config := make("adapters", *LORA))
    assert card["metrics"]["exported_step"] == 2
    name = "adapter_model.safetensors"
    best = load_file(config.out / "states" / "checkpoint-2" / name)
    assert_close(load_file(config.out / "adapter" / name), best, rtol=0, atol=0)


def test_training_stops_when_validations_get_no_better(
    make: Callable[..., StageConfig], scored: Callable[..., None]
) -> None:
    scored(5, 4, 3)
    card = train_stage(make("early", "patience=2"))
    assert (card["metrics"]["num_steps"], card["metrics"]["exported_step"]) == (6, 2)


def test_a_run_broken_after_an_early_stop_only_writes_its_checkpoint(
    make: Callable[..., StageConfig], scored: Callable[..., None]
) -> None:
    scored(5, 4, 3)
    card = train_stage(config := make("early", "patience=2"))
    before = exported(config)
    (config.out / "stage_card.json").unlink()
    again = train_stage(config)
    assert again["num_lessons_by_process"] == [0]
    assert again["metrics"] == card["metrics"]
    assert_close(exported(config), before, rtol=0, atol=0)


def test_patience_survives_a_break(
    make: Callable[..., StageConfig], scored: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.stages.train import StageTrainer

    scored(5, 4, 3)
    config, learn = make("broken", "patience=2"), StageTrainer.training_step

    def fail(self: StageTrainer, *args: object) -> object:
        if self.state.global_step == 5:
            raise MemoryError
        return learn(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(StageTrainer, "training_step", fail)
        with pytest.raises(MemoryError):
            train_stage(config)
    card = train_stage(config)
    assert (card["metrics"]["num_steps"], card["metrics"]["exported_step"]) == (6, 2)


def test_answers_are_generated_at_every_validation_and_change_no_weight(
    make: Callable[..., StageConfig],
) -> None:
    scored_run, blind = make("scored", "best_by=null"), make("blind", "best_by=null", "num_generated_answers=0")
    train_stage(scored_run)
    train_stage(blind)
    state = json.loads((scored_run.out / "states" / "checkpoint-8" / "trainer_state.json").read_text())
    scores = [line["eval_fact_f1"] for line in state["log_history"] if "eval_fact_f1" in line]
    assert len(scores) == 4 and all(0 <= score <= 1 for score in scores)
    assert_close(exported(scored_run), exported(blind), rtol=0, atol=0)
