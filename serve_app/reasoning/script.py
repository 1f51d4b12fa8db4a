"""The two-turn conversation as data: what is asked, in which order, and how it continues.

Serving, training and evaluation all use this script. It does not depend on an engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from serve_app.domain.conversation import Role, Turn
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import SectionName
from serve_app.domain.study import Patient, View
from serve_app.reasoning.prompts import PromptSet


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for one section."""

    section: SectionName
    text: str


def questions(
    prompts: PromptSet, patient: Patient, views: Sequence[View | None] = (None,)
) -> tuple[Question, Question]:
    """Ask for the findings in the images, then for the impression drawn from them."""
    return (
        Question(SectionName.FINDINGS, prompts.findings_question(patient, views)),
        Question(SectionName.IMPRESSION, prompts.impression_question()),
    )


def turns(asked: Sequence[Question], images: tuple[Radiograph, ...], answers: Sequence[str] = ()) -> tuple[Turn, ...]:
    """List the conversation up to what is known: the answers so far, then the next question if there is one.

    The images stand in the first question.
    """
    listed: list[Turn] = []
    for place, (question, answer) in enumerate(zip_longest(asked[: len(answers) + 1], answers)):
        listed.append(Turn(Role.USER, question.text, () if place else images))
        if answer is not None:
            listed.append(Turn(Role.ASSISTANT, answer))
    return tuple(listed)
