"""Two versions compared, against differences and a signed-rank p computed by hand."""

import pytest

from evaluation.doctors.compare import AxisDifference, Comparison, compare
from evaluation.doctors.records import ErrorTick, Rating, Section


def rating(
    version: str,
    sample: str,
    accuracy: int,
    section: Section = Section.FINDINGS,
    rater: str = "a",
    errors: frozenset[ErrorTick] | None = frozenset(),
) -> Rating:
    return Rating(
        rater=rater,
        model_version=version,
        sample=sample,
        section=section,
        accuracy=accuracy,
        completeness=3,
        errors=errors,
    )


def rated(version: str, *accuracies: int) -> list[Rating]:
    return [rating(version, f"s{number}", accuracy) for number, accuracy in enumerate(accuracies)]


def accuracy(comparison: Comparison) -> AxisDifference:
    return comparison.axes[0]


def test_the_difference_is_after_minus_before_and_p_is_exact() -> None:
    comparison = compare(rated("old", 1, 1, 1, 1), rated("new", 2, 3, 4, 5))
    axis = accuracy(comparison)

    assert (comparison.before, comparison.after, comparison.num_pairs) == ("old", "new", 4)
    assert axis.mean.value == pytest.approx((1 + 2 + 3 + 4) / 4)
    assert 1 <= axis.mean.low <= axis.mean.value <= axis.mean.high <= 4
    # All four ranks positive: one of the 2 ** 4 sign patterns, two-sided.
    assert axis.p_value == pytest.approx(2 / 16)


def test_turned_round_the_difference_changes_its_sign() -> None:
    forth = compare(rated("old", 1, 1, 5), rated("new", 2, 3, 2))
    back = compare(rated("new", 2, 3, 2), rated("old", 1, 1, 5))

    assert accuracy(back).mean.value == pytest.approx(-accuracy(forth).mean.value)
    assert accuracy(back).p_value == pytest.approx(accuracy(forth).p_value)


def test_without_any_difference_there_is_a_note_and_no_p() -> None:
    axis = accuracy(compare(rated("old", 2, 4), rated("new", 2, 4)))

    assert (axis.mean.value, axis.mean.low, axis.mean.high) == (0, 0, 0)
    assert (axis.p_value, axis.note) == (None, "all differences are zero")


def test_differences_that_cancel_within_a_sample_have_no_p_either() -> None:
    sections = list(Section)
    old = [rating("old", "s1", 3, section) for section in sections]
    new = [rating("new", "s1", score, section) for section, score in zip(sections, (2, 4), strict=True)]

    axis = accuracy(compare(old, new))

    assert axis.p_value is None
    assert axis.note is not None and "cancel" in axis.note


def test_a_samples_sections_count_as_one_in_the_signed_rank_test() -> None:
    pairs = [(f"s{number}", section) for number in range(4) for section in Section]
    old = [rating("old", sample, 1, section) for sample, section in pairs]
    new = [rating("new", sample, 2 + int(sample[1:]), section) for sample, section in pairs]

    comparison = compare(old, new)

    assert (comparison.num_pairs, comparison.num_samples) == (8, 4)
    assert accuracy(comparison).p_value == pytest.approx(2 / 16)


def test_only_the_same_section_by_the_same_rater_pairs() -> None:
    old = [rating("old", "s1", 1), rating("old", "s2", 1), rating("old", "s3", 1)]
    new = [rating("new", "s1", 4), rating("new", "s2", 5, rater="b"), rating("new", "s3", 5, Section.IMPRESSION)]

    comparison = compare(old, new)

    assert (comparison.num_pairs, comparison.num_unpaired) == (1, 4)
    assert accuracy(comparison).mean.value == 3


def test_ticks_are_shares_of_the_paired_sections() -> None:
    side, missed = frozenset({ErrorTick.WRONG_SIDE}), frozenset({ErrorTick.MISSED_FINDING, ErrorTick.WRONG_SIDE})
    old = [rating("old", "s1", 1, errors=side), rating("old", "s2", 1, errors=missed)]
    new = [rating("new", "s1", 1), rating("new", "s2", 1, errors=side), rating("new", "s3", 1, errors=missed)]

    shares = {one.tick: (one.before_ratio, one.after_ratio) for one in compare(old, new).ticks}

    assert shares[ErrorTick.WRONG_SIDE] == (1.0, 0.5)
    assert shares[ErrorTick.MISSED_FINDING] == (0.5, 0.0)
    assert shares[ErrorTick.OTHER] == (0.0, 0.0)


def test_only_pairs_that_ticks_were_asked_of_on_both_sides_count_for_ticks() -> None:
    side = frozenset({ErrorTick.WRONG_SIDE})
    old = [rating("old", "s1", 1, errors=side), rating("old", "s2", 1), rating("old", "s3", 1, errors=None)]
    new = [rating("new", "s1", 1, errors=side), rating("new", "s2", 1, errors=None), rating("new", "s3", 1)]

    comparison = compare(old, new)
    shares = {one.tick: (one.before_ratio, one.after_ratio) for one in comparison.ticks}

    assert comparison.num_pairs == 3
    assert shares[ErrorTick.WRONG_SIDE] == (1.0, 1.0)


def test_pairs_without_ticks_have_no_tick_shares() -> None:
    comparison = compare([rating("old", "s1", 1, errors=None)], [rating("new", "s1", 2)])

    assert {(one.before_ratio, one.after_ratio) for one in comparison.ticks} == {(None, None)}


def test_several_versions_on_a_side_are_refused() -> None:
    with pytest.raises(ValueError, match="v1, v2"):
        compare([*rated("v1", 1), *rated("v2", 1)], rated("new", 1))


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(ValueError, match="no rater has rated the same"):
        compare([rating("old", "s1", 1)], [rating("new", "s2", 1)])
