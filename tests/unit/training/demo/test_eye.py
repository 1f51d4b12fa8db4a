"""The eye learns where signs lie, goes on where it was stopped, and leaves a checkpoint that the stages start from."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText

from training.demo import eye as module
from training.demo.eye import EyeRecipe, EyeTrainer, batches, train_eye
from training.demo.films import load_films

RECIPE = EyeRecipe(num_films=24, num_steps=8, batch_size=4, max_visual_tokens=16, warmup_steps=2, is_bfloat16=False)


@pytest.fixture(autouse=True)
def few_unseen_films(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NUM_UNSEEN", 8)


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    return AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=torch.float32).state_dict()


def test_the_loss_falls_and_only_the_tower_moves(tmp_path: Path) -> None:
    films = load_films(tmp_path, RECIPE.seed, RECIPE.num_films, RECIPE.max_visual_tokens, num_processes=1)
    trainer = EyeTrainer(RECIPE, tmp_path)
    before = {name: weight.clone() for name, weight in trainer.model.state_dict().items()}
    losses = [
        trainer.learn(batch) for batch, _ in zip(batches(films, RECIPE, 0), range(RECIPE.num_steps), strict=False)
    ]

    assert min(losses[-3:]) < losses[0]
    moved = {name for name, weight in trainer.model.state_dict().items() if not torch.equal(weight, before[name])}
    assert moved and all("visual" in name for name in moved)


def test_an_eye_that_was_stopped_ends_where_an_unbroken_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_eye(RECIPE, tmp_path / "whole", save_every_steps=4, num_processes=1)
    learn = EyeTrainer.learn

    def fail(self: EyeTrainer, batch: object) -> float:
        if self.step == 6:
            raise KeyboardInterrupt
        return learn(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(EyeTrainer, "learn", fail)
        with pytest.raises(KeyboardInterrupt):
            train_eye(RECIPE, tmp_path / "broken", save_every_steps=4, num_processes=1)
    broken = train_eye(RECIPE, tmp_path / "broken", save_every_steps=4, num_processes=1)

    for name, weight in weights(whole).items():
        torch.testing.assert_close(weights(broken)[name], weight)


def test_a_finished_eye_is_not_trained_again_and_has_a_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = train_eye(RECIPE, tmp_path, num_processes=1)
    card = json.loads((tmp_path / "eye_card.json").read_text())
    assert card["recipe"]["num_steps"] == RECIPE.num_steps and 0 <= card["exactly_seen_ratio"] <= 1

    monkeypatch.setattr(EyeTrainer, "learn", None)
    assert train_eye(RECIPE, tmp_path, num_processes=1) == checkpoint
