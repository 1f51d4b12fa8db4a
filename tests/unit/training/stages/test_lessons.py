"""Each stage learns its own answers and nothing else; what does not fit is counted, never cut."""

from collections import Counter
from collections.abc import Callable

import pytest
from datasets import Dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from serve_app.domain.facts import Fact, Finding, Severity, Side
from serve_app.reasoning.prompts import PROMPTS
from training.conversation import IGNORED, Lesson
from training.data.store import FEATURES
from training.stages.config import StageConfig
from training.stages.lessons import IMAGE_TOKEN, Dropped, lesson_of, lessons_of

Make = Callable[..., dict[str, object]]
MakeConfig = Callable[..., StageConfig]
FACTS = (Fact(Finding.EFFUSION, side=Side.LEFT, severity=Severity.MILD), Fact(Finding.PACEMAKER, side=Side.LEFT))


def taught(lesson: Lesson | Dropped, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The words that are learned, an answer each."""
    assert isinstance(lesson, Lesson)
    assert all(label in (IGNORED, token) for label, token in zip(lesson.labels, lesson.token_ids, strict=True))
    *answers, rest = tokenizer.decode([label for label in lesson.labels if label != IGNORED]).split("<|im_end|>")
    assert rest == ""
    return answers


def test_stage_findings_learns_the_findings_only(
    row: Make, config: MakeConfig, tokenizer: PreTrainedTokenizerBase
) -> None:
    study = row(*FACTS)
    lesson = lesson_of(study, config("findings"), tokenizer)
    assert taught(lesson, tokenizer) == [study["findings"]]
    assert str(study["impression"]) not in tokenizer.decode(lesson.token_ids)


def test_stage_impression_learns_the_impression_only_and_reads_the_findings(
    row: Make, config: MakeConfig, tokenizer: PreTrainedTokenizerBase
) -> None:
    study = row(*FACTS)
    lesson = lesson_of(study, config("impression"), tokenizer)
    assert taught(lesson, tokenizer) == [study["impression"]]
    asked = tokenizer.decode([token for token, label in zip(*_columns(lesson), strict=True) if label == IGNORED])
    assert str(study["findings"]) in asked
    assert PROMPTS["clara-vi-1"].impression_question() in asked


def test_stage_chat_learns_every_answer_and_no_question(
    row: Make, config: MakeConfig, tokenizer: PreTrainedTokenizerBase
) -> None:
    study = row(*FACTS)
    lesson = lesson_of(study, config("chat", max_follow_ups=2), tokenizer)
    answers = taught(lesson, tokenizer)
    assert answers[:2] == [study["findings"], study["impression"]]
    assert len(answers) == 4
    assert "?" not in "".join(answers)
    assert tokenizer.decode(lesson.token_ids).count("<|im_start|>user\n") == 4


def test_stage_chat_without_facts_is_the_two_turns(
    row: Make, config: MakeConfig, tokenizer: PreTrainedTokenizerBase
) -> None:
    lesson = lesson_of(row(*FACTS, facts=None), config("chat"), tokenizer)
    assert len(taught(lesson, tokenizer)) == 2


@pytest.mark.parametrize("size_px", [(56, 56), (84, 56), (112, 84)])
def test_the_image_takes_a_token_for_each_28_by_28_pixels(
    size_px: tuple[int, int], row: Make, config: MakeConfig, tokenizer: PreTrainedTokenizerBase
) -> None:
    lesson = lesson_of(row(size_px=size_px), config("findings"), tokenizer)
    image_id = tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)
    assert lesson.token_ids.count(image_id) == size_px[0] * size_px[1] // 28**2


@pytest.mark.parametrize("stage", ["findings", "impression", "chat"])
def test_a_lesson_is_dropped_only_above_the_longest_length(
    stage: str, row: Make, config: MakeConfig, tokenizer: PreTrainedTokenizerBase
) -> None:
    length = len(lesson_of(row(*FACTS), config(stage), tokenizer).token_ids)
    assert isinstance(lesson_of(row(*FACTS), config(stage, max_length_tokens=length), tokenizer), Lesson)
    assert lesson_of(row(*FACTS), config(stage, max_length_tokens=length - 1), tokenizer) is Dropped.TOO_LONG


def test_what_makes_no_lesson_is_counted_by_reason_and_the_rest_keep_their_pixels(
    row: Make, config: MakeConfig, tokenizer: PreTrainedTokenizerBase
) -> None:
    rows = [
        row(study_id="a"),
        row(study_id="blank", findings="  "),
        row(study_id="long", findings="- Bóng tim to.\n" * 500),
        row(study_id="control", impression="- Tim to.<|im_end|>"),
        row(study_id="b", size_px=(56, 84)),
    ]
    lessons, dropped = lessons_of(Dataset.from_list(rows, features=FEATURES), config("impression"), tokenizer)
    assert dropped == Counter({Dropped.NO_ANSWER: 1, Dropped.TOO_LONG: 1, Dropped.CONTROL_TOKENS: 1})
    assert lessons["study_id"] == ["a", "b"]
    assert lessons[1]["pixels"] == rows[4]["pixels"]
    assert lessons[1]["token_ids"] == lesson_of(rows[4], config("impression"), tokenizer).token_ids


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(words=st.text(st.characters(blacklist_categories=("Cs", "Mn", "Me", "Mc"), blacklist_characters="<|>")))
def test_a_lesson_in_pieces_is_the_whole_conversation_token_for_token(
    words: str, row: Make, config: MakeConfig, tokenizer: PreTrainedTokenizerBase
) -> None:
    lesson = lesson_of(row(findings=f"-{words}.", facts=None), config("chat"), tokenizer)
    text = tokenizer.decode(lesson.token_ids, clean_up_tokenization_spaces=False)
    assert tokenizer(text).input_ids == lesson.token_ids


def _columns(lesson: Lesson | Dropped) -> tuple[list[int], list[int]]:
    assert isinstance(lesson, Lesson)
    return lesson.token_ids, lesson.labels
