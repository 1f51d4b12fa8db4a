"""The conversation grows answer by answer, and the images stand in its first question."""

import numpy as np
import pytest

from serve_app.domain.conversation import Role
from serve_app.domain.radiograph import GateOutcome, GateVerdict, Radiograph, Source
from serve_app.domain.report import SectionName
from serve_app.domain.study import Patient
from serve_app.reasoning.prompts import PROMPTS
from serve_app.reasoning.script import questions, turns

ASKED = questions(PROMPTS["clara-vi-1"], Patient())
IMAGE = Radiograph(
    np.zeros((28, 28, 3), np.uint8), "d", Source("PNG", 28, 28, 8), GateVerdict(GateOutcome.PASS, 1.0, "x")
)


def test_findings_are_asked_for_before_the_impression() -> None:
    assert [question.section for question in ASKED] == [SectionName.FINDINGS, SectionName.IMPRESSION]


@pytest.mark.parametrize("answers", [[], ["- Bóng tim to."], ["- Bóng tim to.", "- Tim to."]])
def test_a_conversation_holds_what_was_said_and_what_is_asked_next(answers: list[str]) -> None:
    listed = turns(ASKED, (IMAGE, IMAGE), answers)

    assert [turn.text for turn in listed if turn.role is Role.ASSISTANT] == answers
    assert [turn.text for turn in listed if turn.role is Role.USER] == [
        question.text for question in ASKED[: len(answers) + 1]
    ]
    assert [len(turn.images) for turn in listed] == [2] + [0] * (len(listed) - 1)
