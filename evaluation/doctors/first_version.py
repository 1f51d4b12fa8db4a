"""Converts the first version's turns to ratings and back. Its single score counts for both of our axes.

A turn contains report text; a rating does not.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from evaluation.doctors.records import Axis, FirstVersionTurn, Rating, Section, rated_twice

if TYPE_CHECKING:
    from evaluation.predictions import Prediction

_ANSWERS: dict[Section, Literal[1, 2]] = {Section.FINDINGS: 1, Section.IMPRESSION: 2}
_SECTIONS = {answer: section for section, answer in _ANSWERS.items()}


def ratings_of(turns: Sequence[FirstVersionTurn], rater: str, model_version: str) -> list[Rating]:
    """Convert turns to one rater's ratings of one model version.

    Raises:
        ValueError: a turn repeats an earlier rating, or the rater or the version is not a valid name.
    """
    if twice := rated_twice((turn.sample_idx, turn.answer_idx) for turn in turns):
        raise ValueError("\n".join(f"line {number} {reason}" for number, reason in twice))
    return [_rating(turn, rater, model_version) for turn in turns]


def chosen(ratings: Sequence[Rating], rater: str | None = None, model_version: str | None = None) -> list[Rating]:
    """Select the ratings by one rater of one model version; None selects the only one.

    Raises:
        ValueError: nothing is left, or there are several raters or versions.
    """
    left = [one for one in ratings if rater in (None, one.rater) and model_version in (None, one.model_version)]
    if not left:
        raise ValueError(f"there is no rating by {rater or 'any rater'} of {model_version or 'any model version'}")
    _require_one("rater", {one.rater for one in left})
    _require_one("model-version", {one.model_version for one in left})
    return left


def turns_of(ratings: Sequence[Rating], predictions: "Sequence[Prediction]", axis: Axis) -> list[FirstVersionTurn]:
    """Convert ratings to the first version's turns, in their order. Leaves out samples without a draft."""
    numbered = {one.study_id: (number, one) for number, one in enumerate(predictions) if one.draft is not None}
    return [_turn(one, *numbered[one.sample], axis) for one in ratings if one.sample in numbered]


def _rating(turn: FirstVersionTurn, rater: str, model_version: str) -> Rating:
    return Rating(
        rater=rater,
        model_version=model_version,
        sample=str(turn.sample_idx),
        section=_SECTIONS[turn.answer_idx],
        accuracy=turn.score,
        completeness=turn.score,
        errors=None,
    )


def _require_one(field: str, values: set[str]) -> None:
    if len(values) > 1:
        raise ValueError(
            f"the ratings have several values of {field}: choose one with --{field}: {', '.join(sorted(values))}"
        )


def _turn(rating: Rating, number: int, prediction: "Prediction", axis: Axis) -> FirstVersionTurn:
    assert prediction.draft is not None
    return FirstVersionTurn(
        sample_idx=number,
        answer_idx=_ANSWERS[rating.section],
        generated=getattr(prediction.draft, rating.section),
        ground_truth=getattr(prediction.reference, rating.section),
        score=getattr(rating, axis),
    )
