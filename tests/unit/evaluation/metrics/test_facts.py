"""Fact scores against values counted by hand, and what must hold for any reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.facts import (
    Contradictions,
    Counts,
    Strictness,
    by_finding,
    contradictions,
    count,
    macro_f1,
    micro,
    present,
)
from serve_app.domain.facts import Fact, Finding, Location, Polarity, Severity, Side

LEFT_MILD = Fact(Finding.EFFUSION, side=Side.LEFT, severity=Severity.MILD)
LEFT_SEVERE = Fact(Finding.EFFUSION, side=Side.LEFT, severity=Severity.SEVERE)
RIGHT = Fact(Finding.EFFUSION, side=Side.RIGHT)
NO_EFFUSION = Fact(Finding.EFFUSION, Polarity.ABSENT)
HEART = Fact(Finding.CARDIOMEGALY)
NODULE = Fact(Finding.NODULE, side=Side.RIGHT, location=Location.UPPER)
NORMAL = Fact(Finding.ABNORMALITY, Polarity.ABSENT)
CLEAR_LUNGS = Fact(Finding.LUNG_LESION, Polarity.ABSENT, Side.BILATERAL)
LARGE_PNEUMOTHORAX = Fact(Finding.PNEUMOTHORAX, side=Side.LEFT, severity=Severity.SEVERE)

facts = st.frozensets(
    st.builds(
        Fact,
        st.sampled_from(
            [Finding.EFFUSION, Finding.NODULE, Finding.CARDIOMEGALY, Finding.LUNG_LESION, Finding.ABNORMALITY]
        ),
        st.sampled_from(Polarity),
        st.none() | st.sampled_from(Side),
        st.none() | st.sampled_from(Location),
        st.none() | st.sampled_from(Severity),
    ),
    max_size=6,
)


@pytest.mark.parametrize(
    ("strictness", "counts"),
    [
        (Strictness.FINDING, Counts(2, 3, 2)),
        (Strictness.SIDE, Counts(2, 3, 2)),
        (Strictness.COMPLETE, Counts(1, 3, 2)),
    ],
)
def test_each_level_asks_for_more(strictness: Strictness, counts: Counts) -> None:
    assert count({LEFT_MILD, HEART}, {LEFT_SEVERE, HEART, NODULE}, strictness) == counts


def test_a_wrong_side_matches_the_finding_only() -> None:
    assert count({LEFT_MILD}, {RIGHT}, Strictness.FINDING).f1 == 1
    assert count({LEFT_MILD}, {RIGHT}, Strictness.SIDE).f1 == 0


def test_micro_pools_facts_and_macro_averages_reports() -> None:
    pairs = [(frozenset({HEART}), frozenset({HEART})), (frozenset({LEFT_MILD, NODULE, RIGHT}), frozenset[Fact]())]

    assert micro(pairs, Strictness.SIDE).f1 == pytest.approx(2 / 5)
    assert macro_f1(pairs, Strictness.SIDE) == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("counts", "precision", "recall", "f1"),
    [(Counts(), 1, 1, 1), (Counts(0, 0, 3), 0, 0, 0), (Counts(0, 2, 0), 0, 0, 0), (Counts(1, 2, 4), 0.5, 0.25, 1 / 3)],
)
def test_ratios_without_a_denominator_are_as_declared(
    counts: Counts, precision: float, recall: float, f1: float
) -> None:
    assert (counts.precision, counts.recall, counts.f1) == pytest.approx((precision, recall, f1))


def test_no_report_has_no_score() -> None:
    with pytest.raises(ValueError, match="no report"):
        macro_f1([], Strictness.SIDE)


def test_each_finding_has_its_own_score() -> None:
    scores = by_finding([(frozenset({HEART, LEFT_MILD}), frozenset({HEART, RIGHT}))], Strictness.SIDE)

    assert scores == {Finding.EFFUSION: Counts(0, 1, 1), Finding.CARDIOMEGALY: Counts(1, 1, 1)}


def test_negative_lines_can_be_left_out() -> None:
    assert present({HEART, NO_EFFUSION, Fact(Finding.NODULE, Polarity.UNCERTAIN)}) == {HEART}


@pytest.mark.parametrize(
    ("reference", "candidate", "found"),
    [
        ({LEFT_MILD}, {NO_EFFUSION}, Contradictions(1, 0)),
        ({NO_EFFUSION}, {RIGHT}, Contradictions(1, 0)),
        ({LEFT_MILD}, {RIGHT}, Contradictions(0, 1)),
        ({LEFT_MILD, RIGHT}, {RIGHT}, Contradictions(0, 0)),
        ({Fact(Finding.EFFUSION, Polarity.ABSENT, Side.RIGHT)}, {LEFT_MILD}, Contradictions(0, 0)),
        ({Fact(Finding.EFFUSION, Polarity.UNCERTAIN)}, {NO_EFFUSION}, Contradictions(0, 0)),
        ({HEART}, set(), Contradictions(0, 0)),
        ({Fact(Finding.EFFUSION, side=Side.BILATERAL)}, {RIGHT}, Contradictions(0, 0)),
        ({LARGE_PNEUMOTHORAX}, {NORMAL}, Contradictions(1, 0)),
        ({NORMAL}, {LARGE_PNEUMOTHORAX}, Contradictions(1, 0)),
        ({NODULE}, {CLEAR_LUNGS}, Contradictions(1, 0)),
        ({NODULE}, {Fact(Finding.LUNG_LESION, Polarity.ABSENT, Side.LEFT)}, Contradictions(0, 0)),
        ({NODULE}, {Fact(Finding.LUNG_LESION, Polarity.ABSENT, location=Location.BASE)}, Contradictions(0, 0)),
        ({Fact(Finding.NODULE)}, {Fact(Finding.LUNG_LESION, Polarity.ABSENT, Side.LEFT)}, Contradictions(0, 0)),
        ({Fact(Finding.RIB_FRACTURE)}, {Fact(Finding.BONE_LESION, Polarity.ABSENT)}, Contradictions(1, 0)),
        ({Fact(Finding.PACEMAKER)}, {Fact(Finding.DEVICE, Polarity.ABSENT)}, Contradictions(1, 0)),
        ({Fact(Finding.PACEMAKER)}, {NORMAL}, Contradictions(0, 0)),
        ({Fact(Finding.CALCIFICATION)}, {NORMAL, CLEAR_LUNGS}, Contradictions(0, 0)),
        # Both name the nodule and deny the rest.
        ({NODULE, CLEAR_LUNGS}, {NODULE, CLEAR_LUNGS}, Contradictions(0, 0)),
        ({NODULE}, {NODULE, CLEAR_LUNGS}, Contradictions(0, 0)),
        # A reference that denies the rest says nothing of what else a draft may name there.
        ({NODULE, CLEAR_LUNGS}, {Fact(Finding.OPACITY, side=Side.RIGHT)}, Contradictions(0, 0)),
        (
            {Fact(Finding.EFFUSION, side=Side.LEFT), Fact(Finding.EFFUSION, Polarity.ABSENT, Side.RIGHT)},
            {NO_EFFUSION},
            Contradictions(1, 0),
        ),
    ],
)
def test_only_the_opposite_contradicts(reference: set[Fact], candidate: set[Fact], found: Contradictions) -> None:
    assert contradictions(reference, candidate) == found


def test_an_impression_that_says_normal_contradicts_also_where_the_findings_name_the_finding() -> None:
    assert contradictions({LARGE_PNEUMOTHORAX}, {LARGE_PNEUMOTHORAX}, {NORMAL}) == Contradictions(1, 0)


def test_what_a_section_repeats_is_one_contradiction() -> None:
    assert contradictions({LEFT_MILD}, {NO_EFFUSION}, {NO_EFFUSION}) == Contradictions(1, 0)


@given(facts)
def test_a_report_agrees_with_itself(told: frozenset[Fact]) -> None:
    assert all(count(told, told, strictness).f1 == 1 for strictness in Strictness)
    assert contradictions(told, told).num_all == 0


@given(facts, facts)
def test_f1_knows_no_direction_and_precision_is_recall_the_other_way(
    one: frozenset[Fact], other: frozenset[Fact]
) -> None:
    for strictness in Strictness:
        there, back = count(one, other, strictness), count(other, one, strictness)
        assert there.f1 == back.f1
        assert there.precision == back.recall
