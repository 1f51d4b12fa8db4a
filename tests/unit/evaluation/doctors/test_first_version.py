"""The first version's turns become ratings and ratings become turns, with nothing invented on the way."""

import pytest

from evaluation.doctors.first_version import chosen, ratings_of, turns_of
from evaluation.doctors.records import Axis, FirstVersionTurn, Rating, Section
from evaluation.predictions import Prediction, Text


def turn(sample: int, answer: int, score: int = 3) -> FirstVersionTurn:
    words = {"generated": f"draft {sample}/{answer}", "ground_truth": f"reader {sample}/{answer}"}
    return FirstVersionTurn.model_validate({"sample_idx": sample, "answer_idx": answer, **words, "score": score})


def rating(sample: str, section: Section = Section.FINDINGS, rater: str = "a", version: str = "v1") -> Rating:
    return Rating(
        rater=rater,
        model_version=version,
        sample=sample,
        section=section,
        accuracy=2,
        completeness=5,
        errors=frozenset(),
    )


def drafted(sample: str) -> Prediction:
    reader = Text(f"reader {sample}/1", f"reader {sample}/2")
    return Prediction(sample, f"p{sample}", reader, Text(f"draft {sample}/1", f"draft {sample}/2"))


def failed(sample: str) -> Prediction:
    return Prediction(sample, f"p{sample}", Text("", ""), None, error_code="timeout")


@pytest.mark.parametrize(("answer", "section"), [(1, Section.FINDINGS), (2, Section.IMPRESSION)])
def test_a_turn_is_one_score_for_both_axes_and_was_not_asked_for_ticks(answer: int, section: Section) -> None:
    (only,) = ratings_of([turn(7, answer, score=4)], "a", "v1")

    assert only == Rating(
        rater="a", model_version="v1", sample="7", section=section, accuracy=4, completeness=4, errors=None
    )


def test_a_section_scored_twice_is_refused_with_both_lines() -> None:
    with pytest.raises(ValueError, match="line 4 repeats the rating of line 2"):
        ratings_of([turn(0, 1), turn(0, 2), turn(1, 1), turn(0, 2, score=1)], "a", "v1")


@pytest.mark.parametrize(("axis", "score"), [("accuracy", 2), ("completeness", 5)])
def test_the_chosen_axis_is_the_score_of_the_drafts_section(axis: Axis, score: int) -> None:
    turns = turns_of([rating("x"), rating("x", Section.IMPRESSION)], [drafted("x")], axis)

    assert [(one.generated, one.ground_truth) for one in turns] == [
        ("draft x/1", "reader x/1"),
        ("draft x/2", "reader x/2"),
    ]
    assert [(one.answer_idx, one.score) for one in turns] == [(1, score), (2, score)]


def test_samples_are_numbered_as_the_run_has_them_failed_ones_too() -> None:
    turns = turns_of([rating("z"), rating("x")], [drafted("x"), failed("y"), drafted("z")], "accuracy")

    assert [one.sample_idx for one in turns] == [2, 0]


def test_ratings_of_samples_without_a_draft_are_left_out() -> None:
    assert turns_of([rating("y"), rating("unknown")], [drafted("x"), failed("y")], "accuracy") == []


@pytest.mark.parametrize("axis", ["accuracy", "completeness"])
def test_turns_come_back_from_ratings_of_the_same_run(axis: Axis) -> None:
    turns = [turn(1, 2, 5), turn(0, 1, 1), turn(1, 1, 4)]

    assert turns_of(ratings_of(turns, "a", "v1"), [drafted("0"), drafted("1")], axis) == turns


def test_the_only_rater_and_version_need_no_choice() -> None:
    ratings = [rating("x"), rating("y")]

    assert chosen(ratings) == ratings


def test_of_several_raters_and_versions_the_chosen_stay() -> None:
    ratings = [rating("x"), rating("x", rater="b"), rating("x", version="v2")]

    assert chosen(ratings, "a", "v2") == [ratings[2]]
    assert chosen(ratings, "b") == [ratings[1]]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"model_version": "v1"}, "--rater: a, b"),
        ({"rater": "a"}, "--model-version: v1, v2"),
        ({"rater": "c"}, "no rating by c of any model version"),
    ],
)
def test_a_choice_that_leaves_several_or_none_is_refused(choice: dict[str, str], message: str) -> None:
    ratings = [rating("x"), rating("x", rater="b"), rating("x", version="v2")]

    with pytest.raises(ValueError, match=message):
        chosen(ratings, **choice)
