"""Train the demo model from a seed: draw films, teach the eye, then teach the words.

Stage 1 teaches the vision tower where findings lie (no text, fast); stage 2 teaches the served conversation, the
first task kept beside it. Stops and goes on from `state.pt` in its run folder.
"""

import argparse
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import Qwen2Tokenizer, Qwen2VLForConditionalGeneration

from serve_app.domain.radiograph import PATCH_UNIT_PX
from serve_app.reasoning.prompts import PROMPTS
from training.checkpoint import build_model, save_checkpoint
from training.conversation import IGNORED, Lesson, lesson, random_patient, rope_positions
from training.films import FINDINGS, Films, load_films
from training.tokenizer import build_tokenizer
from training.vision import visual_tokens

log = logging.getLogger("training.demo")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the demo model depends on besides the code."""

    seed: int = 20261123
    prompt_version: str = "clara-vi-1"
    max_visual_tokens: int = 36
    num_films: int = 16_000
    vision_steps: int = 500
    vision_batch: int = 32
    vision_rate: float = 1.2e-3
    report_steps: int = 800
    report_batch: int = 16
    report_rate: float = 1.0e-3
    warmup_steps: int = 60
    weight_decay: float = 0.05
    place_weight: float = 1.0
    is_bfloat16: bool = True


@dataclass(frozen=True, slots=True)
class Batch:
    """Films of one grid: `grey` uint8 (film, height, width), `truth` and `places` as in `Films`."""

    grey: Tensor
    truth: Tensor
    places: Tensor


class Trainer:
    """The model, a head for places that is thrown away at the end, and the optimiser's state."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe = recipe
        self.folder = folder
        self.tokenizer: Qwen2Tokenizer = build_tokenizer(recipe.prompt_version)
        self.model: Qwen2VLForConditionalGeneration = build_model(self.tokenizer, recipe.seed).train()
        self.head = nn.Linear(self.model.config.text_config.hidden_size, len(FINDINGS))
        nn.init.constant_(self.head.bias, -3.0)
        self.optimizer = torch.optim.AdamW([*self.model.parameters(), *self.head.parameters()], betas=(0.9, 0.98))
        self.step = 0

    @property
    def num_steps(self) -> int:
        return self.recipe.vision_steps + self.recipe.report_steps

    def resume(self) -> None:
        """Go on from the last saved state, if there is one."""
        if (path := self.folder / "state.pt").exists():
            state = torch.load(path, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.head.load_state_dict(state["head"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]

    def save(self) -> None:
        """Write the state to go on from and a checkpoint that can be served."""
        state = {name: getattr(self, name).state_dict() for name in ("model", "head", "optimizer")}
        torch.save({**state, "step": self.step}, self.folder / "state.tmp")
        (self.folder / "state.tmp").replace(self.folder / "state.pt")
        save_checkpoint(self.model, self.tokenizer, self.folder / "checkpoint", self.recipe.max_visual_tokens)

    def learn(self, batch: Batch) -> dict[str, float]:
        """Take one step; return the losses."""
        for group in self.optimizer.param_groups:
            group["lr"], group["weight_decay"] = self._rate(), self.recipe.weight_decay
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.is_bfloat16):
            losses = self._losses(batch)
        self.optimizer.zero_grad(set_to_none=True)
        sum(losses.values(), torch.zeros(())).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return {name: loss.item() for name, loss in losses.items()}

    def _rate(self) -> float:
        recipe = self.recipe
        is_vision = self.step < recipe.vision_steps
        done = self.step if is_vision else self.step - recipe.vision_steps
        total, peak = (
            (recipe.vision_steps, recipe.vision_rate) if is_vision else (recipe.report_steps, recipe.report_rate)
        )
        floor = 0.3 if is_vision else 0.02
        cosine = floor + (1 - floor) * (1 + math.cos(math.pi * done / total)) / 2
        return peak * min(1.0, (done + 1) / recipe.warmup_steps) * cosine

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        seen = visual_tokens(self.model.model.visual, batch.grey)
        places = self.head(seen).float()
        losses = {"places": self.recipe.place_weight * _place_loss(places, batch)}
        if self.step >= self.recipe.vision_steps:
            losses["words"] = self._word_loss(batch, seen)
        return losses

    def _word_loss(self, batch: Batch, seen: Tensor) -> Tensor:
        ids, labels = self._lessons(batch, seen.shape[1])
        inner = self.model.model
        image_id = self.model.config.image_token_id
        embedded = inner.language_model.embed_tokens(ids)
        is_image = (ids == image_id)[:, :, None].expand_as(embedded)
        embedded = embedded.masked_scatter(is_image, seen.to(embedded.dtype))
        rows, columns = (length // PATCH_UNIT_PX for length in batch.grey.shape[1:])
        positions = rope_positions(ids, image_id, rows, columns)
        # Padding stands at the end and attention is causal: no mask is needed.
        hidden = inner.language_model(inputs_embeds=embedded, position_ids=positions, use_cache=False)[0]
        is_taught = labels[:, 1:] != IGNORED
        logits = self.model.lm_head(hidden[:, :-1][is_taught]).float()
        return cross_entropy(logits, labels[:, 1:][is_taught])

    def _lessons(self, batch: Batch, num_visual_tokens: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self.recipe.seed, 99, self.step])
        prompts = PROMPTS[self.recipe.prompt_version]
        lessons = [
            lesson(
                self.tokenizer,
                prompts,
                random_patient(rng),
                {finding for finding, is_true in zip(FINDINGS, truth, strict=True) if is_true},
                num_visual_tokens,
            )
            for truth in batch.truth.tolist()
        ]
        return _stack(lessons, self.model.config.text_config.pad_token_id)


def batches(films: list[Films], recipe: Recipe, first_step: int) -> Iterator[Batch]:
    """Deal batches for ever, the same at the same step: a grid by its share, films at random, exposure jittered."""
    sizes = np.array([len(group.grey) for group in films])
    step = first_step
    while True:
        rng = np.random.default_rng([recipe.seed, 98, step])
        size = recipe.vision_batch if step < recipe.vision_steps else recipe.report_batch
        group = films[int(rng.choice(len(films), p=sizes / sizes.sum()))]
        chosen = rng.choice(len(group.grey), size=size, replace=len(group.grey) < size)
        yield Batch(
            _jitter(group.grey[chosen], rng), *map(torch.from_numpy, (group.truth[chosen], group.places[chosen]))
        )
        step += 1


def _jitter(grey: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Vary exposure, contrast and noise, film by film; black padding stays black."""
    gain, gamma = rng.uniform(0.9, 1.1, (2, len(grey), 1, 1)).astype(np.float32)
    noise = rng.standard_normal(grey.shape, dtype=np.float32) * (2.5 * (grey > 0))
    shown = 255 * gain * (grey / np.float32(255)) ** (1.5 * gamma - 0.5) + noise
    return torch.from_numpy(np.clip(shown, 0, 255))


def _place_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Where in each token, and whether anywhere: both count."""
    everywhere = binary_cross_entropy_with_logits(logits, batch.places.float(), pos_weight=torch.tensor(4.0))
    anywhere = binary_cross_entropy_with_logits(logits.amax(dim=1), batch.truth.float())
    return 3 * everywhere + anywhere


def _stack(lessons: list[Lesson], pad_id: int) -> tuple[Tensor, Tensor]:
    longest = max(len(one.token_ids) for one in lessons)
    ids = torch.full((len(lessons), longest), pad_id)
    labels = torch.full((len(lessons), longest), IGNORED)
    for row, one in enumerate(lessons):
        ids[row, : len(one.token_ids)] = torch.tensor(one.token_ids)
        labels[row, : len(one.labels)] = torch.tensor(one.labels)
    return ids, labels


def train(recipe: Recipe, folder: Path, save_every_steps: int) -> None:
    """Train to the end of the recipe, saving as it goes."""
    folder.mkdir(parents=True, exist_ok=True)
    films = load_films(folder.parent / "films", recipe.seed, recipe.num_films, recipe.max_visual_tokens, 2)
    trainer = Trainer(recipe, folder)
    trainer.resume()
    log.info("%s from step %d", asdict(recipe), trainer.step)
    started = time.perf_counter()
    sums: dict[str, float] = {}
    for batch in batches(films, recipe, trainer.step):
        for name, loss in trainer.learn(batch).items():
            sums[name] = sums.get(name, 0.0) + loss
        if trainer.step % 20 == 0:
            means = " ".join(f"{name} {total / 20:.4f}" for name, total in sums.items())
            log.info("step %d %s %.2f s", trainer.step, means, time.perf_counter() - started)
            sums = {}
        if trainer.step % save_every_steps == 0 or trainer.step == trainer.num_steps:
            trainer.save()
        if trainer.step >= trainer.num_steps:
            return


def main() -> None:
    """Train the demo model with the shipped recipe."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/demo"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save-every-steps", type=int, default=200)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    train(Recipe(), arguments.out, arguments.save_every_steps)


if __name__ == "__main__":
    main()
