"""The served two-turn conversation as token ids, with labels on the words to learn.

Renders with the checkpoint's chat template and the registered prompts, so training uses the prompts of serving.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from transformers import Qwen2Tokenizer

from serve_app.domain.study import Patient, View
from serve_app.reasoning.prompts import PromptSet
from serve_app.reasoning.script import questions, turns

IGNORED = -100
_IMAGE = "<|image_pad|>"


@dataclass(frozen=True, slots=True)
class Lesson:
    """One conversation: `token_ids` with the image expanded, `labels` equal to it only on the assistant's words."""

    token_ids: list[int]
    labels: list[int]


def messages(
    prompts: PromptSet,
    patient: Patient,
    view: View | None = None,
    findings: str | None = None,
    impression: str | None = None,
) -> list[Mapping[str, object]]:
    """List the turns as far as they are known: without findings turn 1 is open, without an impression turn 2."""
    answers = [answer for answer in (findings, impression) if answer is not None]
    first, *others = turns(questions(prompts, patient, [view]), (), answers)
    question = [{"type": "text", "text": first.text}, {"type": "image"}]
    return [{"role": first.role.value, "content": question}, *(text_turn(turn.role, turn.text) for turn in others)]


def text_turn(role: str, words: str) -> Mapping[str, object]:
    """Return a text turn in the form that the engine gives to a chat template: a list of parts."""
    return {"role": role, "content": [{"type": "text", "text": words}]}


def question_ids(tokenizer: Qwen2Tokenizer, turns: list[Mapping[str, object]], num_visual_tokens: int) -> list[int]:
    """Render an unanswered conversation to token ids, as the engine does."""
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    ids: list[int] = tokenizer(text.replace(_IMAGE, _IMAGE * num_visual_tokens)).input_ids
    return ids
