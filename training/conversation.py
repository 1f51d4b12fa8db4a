"""The served two-turn conversation as token ids, with the words that are to be learned.

Renders with the checkpoint's own chat template and the registered prompts, so training reads what serving asks.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import Qwen2Tokenizer

from serve_app.domain.study import Patient, Sex, View
from serve_app.reasoning.prompts import PromptSet
from training.phantoms import Finding, findings_text, impression_text

IGNORED = -100
_IMAGE = "<|image_pad|>"
_ANSWER = "<|im_start|>assistant\n"


@dataclass(frozen=True, slots=True)
class Lesson:
    """One conversation: `token_ids` with the image expanded, `labels` equal to it on the assistant's words only."""

    token_ids: list[int]
    labels: list[int]


def messages(
    prompts: PromptSet, patient: Patient, findings: str | None = None, impression: str | None = None
) -> list[Mapping[str, object]]:
    """List the turns up to what is known: without findings the next word is turn 1's, without impression turn 2's."""
    question = [{"type": "text", "text": prompts.findings_question(patient)}, {"type": "image"}]
    turns: list[Mapping[str, object]] = [{"role": "user", "content": question}]
    if findings is not None:
        turns += [text_turn("assistant", findings)]
        turns += [text_turn("user", prompts.impression_question())]
    if impression is not None:
        turns += [text_turn("assistant", impression)]
    return turns


def text_turn(role: str, words: str) -> Mapping[str, object]:
    """Say something as the engine hands it to a chat template: a list of parts."""
    return {"role": role, "content": [{"type": "text", "text": words}]}


def question_ids(tokenizer: Qwen2Tokenizer, turns: list[Mapping[str, object]], num_visual_tokens: int) -> list[int]:
    """Render an unanswered conversation as the engine does."""
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    ids: list[int] = tokenizer(text.replace(_IMAGE, _IMAGE * num_visual_tokens)).input_ids
    return ids


def lesson(
    tokenizer: Qwen2Tokenizer,
    prompts: PromptSet,
    patient: Patient,
    findings: Collection[Finding],
    num_visual_tokens: int,
) -> Lesson:
    """Write the whole conversation about a film whose truth is known."""
    turns = messages(prompts, patient, findings_text(findings), impression_text(findings))
    text = tokenizer.apply_chat_template(turns, tokenize=False).replace(_IMAGE, _IMAGE * num_visual_tokens)
    token_ids: list[int] = []
    labels: list[int] = []
    for number, piece in enumerate(text.split(_ANSWER)):
        ids = tokenizer(_ANSWER + piece if number else piece).input_ids
        token_ids += ids
        labels += _answer_labels(tokenizer, ids) if number else [IGNORED] * len(ids)
    return Lesson(token_ids, labels)


def random_patient(rng: np.random.Generator) -> Patient:
    """Make up what a client may send of a frontal film, each field often unknown."""
    return Patient(
        sex=(None, *Sex)[int(rng.integers(3))],
        age_years=None if rng.random() < 0.25 else int(rng.integers(1, 100)),
        view=(None, View.PA, View.AP)[int(rng.integers(3))],
    )


def rope_positions(token_ids: Tensor, image_token_id: int, rows: int, columns: int) -> Tensor:
    """Count M-RoPE positions (3, conversation, token) of conversations with one image of `rows` x `columns` tokens.

    An image stands still in time, spans a plane, and moves what follows by its longer side.
    """
    is_image = token_ids == image_token_id
    start = is_image.int().argmax(dim=1, keepdim=True)
    order = torch.arange(token_ids.shape[1])[None, :].expand_as(token_ids)
    after = order - rows * columns + max(rows, columns)
    plain = torch.where(order < start, order, after)
    inside = order - start
    offsets = (torch.zeros_like(inside), inside // columns, inside % columns)
    return torch.stack([torch.where(is_image, start + offset, plain) for offset in offsets])


def _answer_labels(tokenizer: Qwen2Tokenizer, ids: list[int]) -> list[int]:
    """Learn from after `<|im_start|>assistant\\n` up to and with the first `<|im_end|>`."""
    first = len(tokenizer(_ANSWER).input_ids)
    last = ids.index(tokenizer.convert_tokens_to_ids("<|im_end|>"))
    return [IGNORED] * first + ids[first : last + 1] + [IGNORED] * (len(ids) - last - 1)
