"""Pretrains the demo's vision tower without text: it learns which sign lies in which visual token.

Replaces a pretrained tower: the three stages start from its checkpoint, whose text decoder is still untrained. Resumes
from `state.pt` in its folder.
"""

import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import Qwen2Tokenizer, Qwen2VLForConditionalGeneration

from training.demo.checkpoint import build_model, save_checkpoint
from training.demo.films import KINDS, Films, load_films
from training.demo.tokenizer import build_tokenizer
from training.vision import visual_tokens

log = logging.getLogger("training.demo")
CHECKPOINT = "checkpoint"
NUM_UNSEEN = 512
# The untrained head's bias: a token shows nothing.
_HEAD_BIAS = -4.5
_PRESENT_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class EyeRecipe:
    """Every setting of the pretraining."""

    seed: int = 20261124
    prompt_version: str = "clara-vi-1"
    max_visual_tokens: int = 64
    num_films: int = 16_000
    num_steps: int = 2_000
    batch_size: int = 32
    learning_rate: float = 1.5e-3
    warmup_steps: int = 60
    weight_decay: float = 0.05
    is_bfloat16: bool = True


@dataclass(frozen=True, slots=True)
class Batch:
    """Films of one grid: `grey` (film, height, width), `truth` and `places` as in `Films`."""

    grey: Tensor
    truth: Tensor
    places: Tensor


class EyeTrainer:
    """The model, a head for places that is discarded at the end, and the optimiser's state."""

    def __init__(self, recipe: EyeRecipe, folder: Path) -> None:
        self.recipe = recipe
        self.folder = folder
        self.tokenizer: Qwen2Tokenizer = build_tokenizer(recipe.prompt_version)
        self.model: Qwen2VLForConditionalGeneration = build_model(self.tokenizer, recipe.seed).train()
        self.head = nn.Linear(self.model.config.text_config.hidden_size, len(KINDS))
        nn.init.constant_(self.head.bias, _HEAD_BIAS)
        self._parameters = [*self.model.model.visual.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.AdamW(self._parameters, betas=(0.9, 0.98), weight_decay=recipe.weight_decay)
        self.step = 0

    def resume(self) -> None:
        """Resume from the last saved state, if there is one."""
        if (path := self.folder / "state.pt").exists():
            state = torch.load(path, weights_only=True)
            for name in ("model", "head", "optimizer"):
                getattr(self, name).load_state_dict(state[name])
            self.step = state["step"]

    def save(self) -> None:
        """Save the state for `resume`."""
        state = {name: getattr(self, name).state_dict() for name in ("model", "head", "optimizer")}
        torch.save({**state, "step": self.step}, self.folder / "state.tmp")
        (self.folder / "state.tmp").replace(self.folder / "state.pt")

    def learn(self, batch: Batch) -> float:
        """Take one step; return the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.is_bfloat16):
            logits = self.head(visual_tokens(self.model.model.visual, batch.grey))
        loss = _loss(logits.float(), batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self.optimizer.step()
        self.step += 1
        return loss.item()

    @torch.inference_mode()
    def exact_ratio(self, films: list[Films]) -> float:
        """Compute the share of films whose signs the head predicts exactly."""
        right = [
            self._predicted(group.grey[at : at + 32]) == group.truth[at : at + 32]
            for group in films
            for at in _starts(group)
        ]
        return float(np.concatenate([one.all(axis=1) for one in right]).mean())

    def _predicted(self, grey: NDArray[np.uint8]) -> NDArray[np.bool_]:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.is_bfloat16):
            logits = self.head(visual_tokens(self.model.model.visual, torch.from_numpy(grey)))
        seen: NDArray[np.bool_] = (logits.float().amax(dim=1) > 0).numpy()
        return seen

    def _rate(self) -> float:
        recipe = self.recipe
        cosine = 0.02 + 0.98 * (1 + math.cos(math.pi * self.step / recipe.num_steps)) / 2
        return recipe.learning_rate * min(1.0, (self.step + 1) / recipe.warmup_steps) * cosine


def batches(films: list[Films], recipe: EyeRecipe, first_step: int) -> Iterator[Batch]:
    """Yield batches endlessly, the same for each step: a grid by its share, random films, jittered exposure."""
    sizes = np.array([len(group.grey) for group in films])
    step = first_step
    while True:
        rng = np.random.default_rng([recipe.seed, 98, step])
        group = films[int(rng.choice(len(films), p=sizes / sizes.sum()))]
        chosen = rng.choice(len(group.grey), size=recipe.batch_size, replace=len(group.grey) < recipe.batch_size)
        told = map(torch.from_numpy, (group.truth[chosen], group.places[chosen]))
        yield Batch(_jitter(group.grey[chosen], rng), *told)
        step += 1


def _jitter(grey: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    """Vary exposure, contrast and noise of each film; black padding stays black."""
    gain, gamma = rng.uniform(0.9, 1.1, (2, len(grey), 1, 1)).astype(np.float32)
    noise = rng.standard_normal(grey.shape, dtype=np.float32) * (2.5 * (grey > 0))
    shown = 255 * gain * (grey / np.float32(255)) ** (1.5 * gamma - 0.5) + noise
    return torch.from_numpy(np.clip(shown, 0, 255))


def _loss(logits: Tensor, batch: Batch) -> Tensor:
    """Add the loss of every token's prediction and the loss of the whole film's."""
    weight = torch.tensor(_PRESENT_WEIGHT)
    everywhere = binary_cross_entropy_with_logits(logits, batch.places.float(), pos_weight=weight)
    anywhere = binary_cross_entropy_with_logits(logits.amax(dim=1), batch.truth.float())
    return 10 * everywhere + anywhere


def _starts(group: Films) -> range:
    return range(0, len(group.grey), 32)


def train_eye(recipe: EyeRecipe, folder: Path, save_every_steps: int = 200, num_processes: int = 2) -> Path:
    """Train to the end of the recipe, save regularly, and return the checkpoint. Does nothing if it exists already."""
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        return checkpoint
    folder.mkdir(parents=True, exist_ok=True)
    films = load_films(folder, recipe.seed, recipe.num_films, recipe.max_visual_tokens, num_processes)
    unseen = load_films(folder, recipe.seed + 1, NUM_UNSEEN, recipe.max_visual_tokens, num_processes)
    trainer = EyeTrainer(recipe, folder)
    trainer.resume()
    log.info("%s from step %d", asdict(recipe), trainer.step)
    started, losses = time.perf_counter(), []
    for batch in batches(films, recipe, trainer.step):
        if trainer.step >= recipe.num_steps:
            break
        losses.append(trainer.learn(batch))
        if trainer.step % 20 == 0:
            log.info("step %d loss %.4f %.0f s", trainer.step, np.mean(losses), time.perf_counter() - started)
            losses.clear()
        if trainer.step % save_every_steps == 0:
            log.info("step %d exact ratio %.3f", trainer.step, trainer.exact_ratio(unseen))
            trainer.save()
    card = {"recipe": asdict(recipe), "num_kinds": len(KINDS), "exactly_seen_ratio": trainer.exact_ratio(unseen)}
    (folder / "eye_card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    partial = folder / "checkpoint.partial"
    save_checkpoint(trainer.model, trainer.tokenizer, partial, recipe.max_visual_tokens)
    return partial.rename(checkpoint)
