"""Scores generated validation answers by their facts, so that a stage can keep the state that reports best.

Reads the facts of the reference and of the answer with serving's extractor. A loss cannot see them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from serve_app.domain.facts import Finding, Polarity, Side
from serve_app.facts import extract
from training.conversation import IGNORED
from training.stages.collate import Collator
from training.stages.lessons import LessonRow

_BATCH_SIZE = 4
_Key = tuple[Finding, Side | None]


@dataclass(frozen=True, slots=True)
class FactScorer:
    """Asks the first learned question of some validation lessons; the same lessons at every validation."""

    lessons: Dataset
    collator: Collator
    tokenizer: PreTrainedTokenizerBase

    def counts(self, model: PreTrainedModel, process: int, num_processes: int, **options: Any) -> list[int]:
        """Return this process's number of matched, generated and reference facts.

        Every process generates equally often, as spread weights need. `options` go to `generate`.
        """
        totals = [0, 0, 0]
        max_new_tokens = 2 * max(len(_answer_ids(lesson)) for lesson in self.lessons.remove_columns("pixels"))
        for batch, num_own in self._batches(process, num_processes):
            answers = self._generate(model, batch, max_new_tokens=max_new_tokens, **options)
            for lesson, answer in list(zip(batch, answers, strict=True))[:num_own]:
                true, told = (_present(text) for text in (self._text(_answer_ids(lesson)), answer))
                totals = [sum(pair) for pair in zip(totals, (len(true & told), len(told), len(true)), strict=True)]
        return totals

    def _batches(self, process: int, num_processes: int) -> Iterator[tuple[list[LessonRow], int]]:
        """Yield batches with the number of lessons that count in them: a process short of lessons repeats the first."""
        num_lessons = -(-len(self.lessons) // num_processes)
        own = [process + num_processes * index for index in range(num_lessons)]
        for start in range(0, num_lessons, _BATCH_SIZE):
            places = own[start : start + _BATCH_SIZE]
            lessons = [self.lessons[place if place < len(self.lessons) else 0] for place in places]
            yield lessons, sum(place < len(self.lessons) for place in places)

    def _generate(self, model: PreTrainedModel, lessons: Sequence[LessonRow], **options: Any) -> list[str]:
        asked = self.collator([{**lesson, "token_ids": _question_ids(lesson), "labels": []} for lesson in lessons])
        del asked["labels"]
        inputs = {name: tensor.to(model.device) for name, tensor in asked.items()}
        with torch.no_grad():
            ids = model.generate(**inputs, **options, do_sample=False, use_cache=True)
        return [self._text(answer) for answer in ids[:, inputs["input_ids"].shape[1] :].tolist()]

    def _text(self, ids: list[int]) -> str:
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text


def f1(num_matched: int, num_told: int, num_true: int) -> float:
    """Return the F1 of pooled facts; 1 where neither side states any."""
    return 2 * num_matched / (num_told + num_true) if num_told + num_true else 1.0


def _question_ids(lesson: LessonRow) -> list[int]:
    """Return the tokens before the first answer to learn."""
    return lesson["token_ids"][: _first_learned(lesson)]


def _answer_ids(lesson: LessonRow) -> list[int]:
    learned = lesson["labels"][_first_learned(lesson) :]
    return learned[: learned.index(IGNORED)] if IGNORED in learned else learned


def _first_learned(lesson: LessonRow) -> int:
    return next(place for place, label in enumerate(lesson["labels"]) if label != IGNORED)


def _present(text: str) -> frozenset[_Key]:
    """Read the present facts with their sides: denials are easy and would inflate the score."""
    return frozenset((fact.finding, fact.side) for fact in extract(text) if fact.polarity is Polarity.PRESENT)
