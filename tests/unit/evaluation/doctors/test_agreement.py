"""Agreement between raters, against kappas computed by hand."""

import pytest

from evaluation.doctors.agreement import Agreement, agreements
from evaluation.doctors.records import Rating, Section


def rating(rater: str, sample: str, accuracy: int, section: Section = Section.FINDINGS, version: str = "v1") -> Rating:
    return Rating(
        rater=rater,
        model_version=version,
        sample=sample,
        section=section,
        accuracy=accuracy,
        completeness=3,
        errors=frozenset(),
    )


def rated(rater: str, *accuracies: int) -> list[Rating]:
    return [rating(rater, f"s{number}", accuracy) for number, accuracy in enumerate(accuracies)]


def on_accuracy(ratings: list[Rating]) -> Agreement:
    (only,) = (one for one in agreements(ratings).pairs if one.axis == "accuracy")
    return only


def test_kappa_weighs_a_disagreement_by_its_square() -> None:
    # Observed squares 0 + 1 + 0 = 1; expected over all nine pairings (0+4+4 + 1+1+1 + 4+0+0) / 3 = 5.
    one = on_accuracy([*rated("a", 1, 2, 3), *rated("b", 1, 3, 3)])

    assert one.kappa is not None
    assert one.kappa.value == pytest.approx(1 - 1 / 5)
    assert one.kappa.low <= one.kappa.value <= one.kappa.high
    assert (one.num_sections, one.num_samples, one.reason) == (3, 3, None)


def test_opposite_raters_have_a_kappa_of_minus_one() -> None:
    # Observed 16 + 0 + 16 = 32; expected (16+4+0 + 4+0+4 + 0+4+16) / 3 = 16.
    one = on_accuracy([*rated("a", 1, 3, 5), *rated("b", 5, 3, 1)])

    assert one.kappa is not None
    assert one.kappa.value == pytest.approx(-1)


def test_perfect_agreement_is_one_in_every_resample() -> None:
    one = on_accuracy([*rated("a", 1, 2, 4, 5), *rated("b", 1, 2, 4, 5)])

    assert one.kappa is not None
    assert (one.kappa.value, one.kappa.low, one.kappa.high) == pytest.approx((1, 1, 1))


def test_only_sections_that_both_rated_count() -> None:
    more = [rating("a", "s9", 1), rating("b", "s0", 5, Section.IMPRESSION), rating("b", "s1", 5, version="v2")]
    alone = on_accuracy([*rated("a", 1, 2, 3), *rated("b", 1, 3, 3)])

    assert on_accuracy([*rated("a", 1, 2, 3), *rated("b", 1, 3, 3), *more]) == alone


def test_every_two_of_three_raters_are_compared_on_both_axes() -> None:
    pairs = agreements([*rated("c", 1, 2), *rated("a", 1, 2), *rated("b", 1, 2)]).pairs

    assert {one.raters for one in pairs} == {("a", "b"), ("a", "c"), ("b", "c")}
    assert len(pairs) == 6


@pytest.mark.parametrize(("raters", "reason"), [(["a"], "there is one"), ([], "there is none")])
def test_without_two_raters_there_is_a_reason_instead(raters: list[str], reason: str) -> None:
    result = agreements([one for rater in raters for one in rated(rater, 1, 2)])

    assert result.pairs == ()
    assert result.reason is not None and reason in result.reason


def test_without_common_sections_there_is_no_kappa() -> None:
    one = on_accuracy([rating("a", "s1", 1), rating("b", "s2", 2)])

    assert (one.kappa, one.num_sections, one.reason) == (None, 0, "they rated no section in common")


def test_a_rater_with_one_score_throughout_makes_kappa_undefined_and_is_named() -> None:
    one = on_accuracy([*rated("a", 5, 5, 5), *rated("b", 3, 4, 5)])

    assert one.kappa is None
    assert one.reason == "a always gave the same score"


def test_a_samples_sections_are_drawn_together() -> None:
    # In one sample there is nothing to draw but that sample: the interval has no width.
    sections = [(Section.FINDINGS, 1, 2), (Section.IMPRESSION, 4, 4)]
    one = on_accuracy(
        [rating(rater, "s1", pair[who], section) for section, *pair in sections for who, rater in enumerate("ab")]
    )

    assert one.kappa is not None
    assert one.num_samples == 1
    assert one.kappa.low == one.kappa.value == one.kappa.high
