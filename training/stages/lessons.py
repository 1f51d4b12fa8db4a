"""Converts prepared rows to lessons: the served conversation as token ids, with labels on the words to learn.

Renders with the checkpoint's chat template and the registered prompts, as serving does. An image is a number of
placeholder tokens, given by its size.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from datasets import Dataset, List, Value
from transformers import PreTrainedTokenizerBase

from serve_app.domain.radiograph import PATCH_UNIT_PX
from serve_app.reasoning.prompts import PROMPTS
from training.conversation import IGNORED, Lesson, messages, text_turn
from training.data.prepared import PreparedRow, PreparedStudy, facts_of, patient_of, view_of
from training.stages.config import Stage, StageConfig
from training.stages.follow_ups import choose_follow_ups, study_rng

IMAGE_TOKEN = "<|image_pad|>"
Turn = Mapping[str, Any]
_Piece = tuple[str, bool]


class LessonRow(PreparedRow):
    """A prepared row with its lesson."""

    token_ids: list[int]
    labels: list[int]


class Dropped(StrEnum):
    """Why a row yields no lesson."""

    TOO_LONG = "too-long"
    NO_ANSWER = "no-answer"
    CONTROL_TOKENS = "control-tokens"


def lessons_of(
    rows: Dataset, config: StageConfig, tokenizer: PreTrainedTokenizerBase
) -> tuple[Dataset, Counter[Dropped]]:
    """Add `token_ids` and `labels` to the rows that yield a lesson, and count the others by reason.

    The pixels stay on disk.
    """
    made = [lesson_of(row, config, tokenizer) for row in rows.remove_columns("pixels")]
    dropped = Counter(lesson for lesson in made if isinstance(lesson, Dropped))
    lessons = [None if isinstance(lesson, Dropped) else lesson for lesson in made]
    for name in Lesson.__slots__:
        column = [getattr(lesson, name) if lesson else [] for lesson in lessons]
        rows = rows.add_column(name, column, feature=List(Value("int64")))
    return rows.select([index for index, lesson in enumerate(lessons) if lesson]), dropped


def lesson_of(row: PreparedStudy, config: StageConfig, tokenizer: PreTrainedTokenizerBase) -> Lesson | Dropped:
    """Build one lesson. Drops a row with a missing answer, a control token, or too many tokens."""
    turns = conversation_of(row, config)
    words = [part["text"] for turn in turns for part in turn["content"] if "text" in part]
    if not all(words):
        return Dropped.NO_ANSWER
    if any(control in said for said in words for control in tokenizer.all_special_tokens):
        return Dropped.CONTROL_TOKENS
    num_visual_tokens = row["height_px"] * row["width_px"] // PATCH_UNIT_PX**2
    lesson = _tokens(_pieces(turns, config.stage, tokenizer), num_visual_tokens, tokenizer)
    return lesson if len(lesson.token_ids) <= config.max_length_tokens else Dropped.TOO_LONG


def conversation_of(row: PreparedStudy, config: StageConfig) -> list[Turn]:
    """List a stage's turns in the form of the chat template. The last one is an answer."""
    findings = row["findings"].strip()
    impression = None if config.stage is Stage.FINDINGS else row["impression"].strip()
    prompts = PROMPTS[config.prompt_version]
    turns: list[Turn] = [*messages(prompts, patient_of(row), view_of(row), findings, impression)]
    facts = facts_of(row) if config.stage is Stage.CHAT else None
    if facts is not None:
        for pair in choose_follow_ups(facts, config.max_follow_ups, study_rng(config.seed, row["study_id"])):
            turns += [text_turn("user", pair.question), text_turn("assistant", pair.answer)]
    return turns


def _pieces(turns: list[Turn], stage: Stage, tokenizer: PreTrainedTokenizerBase) -> Iterator[_Piece]:
    """Split the rendered conversation into pieces, each with a flag whether to learn it.

    The text before an answer equals the prompt of serving. An answer ends with the token that ends a turn.
    """
    whole = _render(tokenizer, turns)
    end_of_turn: str = tokenizer.eos_token
    done = 0
    for index in _learned_turns(turns, stage):
        start = len(_render(tokenizer, turns[:index], add_generation_prompt=True))
        end = whole.index(end_of_turn, start) + len(end_of_turn)
        yield whole[done:start], False
        yield whole[start:end], True
        done = end


def _learned_turns(turns: list[Turn], stage: Stage) -> list[int]:
    answers = [index for index, turn in enumerate(turns) if turn["role"] == "assistant"]
    return answers if stage is Stage.CHAT else answers[-1:]


def _render(tokenizer: PreTrainedTokenizerBase, turns: list[Turn], **choices: bool) -> str:
    text: str = tokenizer.apply_chat_template(turns, tokenize=False, **choices)
    return text


def _tokens(pieces: Iterator[_Piece], num_visual_tokens: int, tokenizer: PreTrainedTokenizerBase) -> Lesson:
    token_ids: list[int] = []
    labels: list[int] = []
    for text, is_learned in pieces:
        ids = tokenizer(text.replace(IMAGE_TOKEN, IMAGE_TOKEN * num_visual_tokens)).input_ids
        token_ids += ids
        labels += ids if is_learned else [IGNORED] * len(ids)
    return Lesson(token_ids, labels)
