"""The score by significance against CRIMSON's formula, worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.hierarchy import COVERS
from evaluation.metrics.significance import CRITICAL, Significance, significance, significance_score
from serve_app.domain.facts import DEVICES, Fact, Finding, Location, Polarity, Severity, Side

TENSION = Fact(Finding.PNEUMOTHORAX, side=Side.LEFT, severity=Severity.SEVERE)
NODULE = Fact(Finding.NODULE, side=Side.RIGHT, location=Location.UPPER)
SCAR = Fact(Finding.FIBROSIS, side=Side.LEFT)
OLD = Fact(Finding.AORTIC_CALCIFICATION)

facts = st.frozensets(
    st.builds(
        Fact,
        st.sampled_from(Finding),
        st.sampled_from(Polarity),
        st.none() | st.sampled_from(Side),
        st.none() | st.sampled_from(Location),
        st.none() | st.sampled_from(Severity),
    ),
    max_size=6,
)


@pytest.mark.parametrize(
    ("fact", "level"),
    [
        (TENSION, Significance.URGENT),
        (Fact(Finding.PNEUMOTHORAX), Significance.URGENT),
        (Fact(Finding.PNEUMOTHORAX, severity=Severity.MILD), Significance.ACTIONABLE),
        (Fact(Finding.EFFUSION), Significance.ACTIONABLE),
        (Fact(Finding.EFFUSION, severity=Severity.MILD), Significance.NOT_ACTIONABLE),
        (SCAR, Significance.NOT_ACTIONABLE),
        (Fact(Finding.PACEMAKER), Significance.NOT_ACTIONABLE),
        (OLD, Significance.BENIGN),
    ],
)
def test_a_small_finding_is_less_urgent_and_an_old_one_counts_nothing(fact: Fact, level: Significance) -> None:
    assert significance(fact) is level


@pytest.mark.parametrize(
    ("reference", "candidate", "score"),
    [
        (set(), set(), 1),
        (set(), {OLD}, 1),
        ({TENSION, NODULE}, set(), 0),
        ({TENSION, NODULE}, {TENSION}, 1 / 1.5),
        ({TENSION, NODULE}, {NODULE}, 0.5 / 1.5),
        ({TENSION}, {TENSION, SCAR}, 0.75),
        # Nothing right: what is invented counts alone.
        (set(), {TENSION}, -1 / 2),
        ({SCAR}, {TENSION}, -1 / 2),
        # One attribute costs 1 - 1 / (1 + 0.5), two cost 1 - 1 / (1 + 1).
        ({TENSION}, {Fact(Finding.PNEUMOTHORAX, side=Side.RIGHT, severity=Severity.SEVERE)}, 1 / 1.5),
        ({TENSION}, {Fact(Finding.PNEUMOTHORAX, side=Side.RIGHT, severity=Severity.MODERATE)}, 1 / 2),
        ({TENSION}, {Fact(Finding.PNEUMOTHORAX, Polarity.UNCERTAIN, Side.LEFT, None, Severity.SEVERE)}, 1 / 1.5),
        ({TENSION}, {Fact(Finding.PNEUMOTHORAX, Polarity.ABSENT)}, 0),
        # Zones that touch are near enough, and detail that the reference leaves open costs nothing.
        ({NODULE}, {Fact(Finding.NODULE, side=Side.RIGHT, location=Location.MIDDLE)}, 1),
        ({NODULE}, {Fact(Finding.NODULE, side=Side.RIGHT, location=Location.LOWER)}, 0.5),
        ({SCAR}, {Fact(Finding.FIBROSIS, side=Side.LEFT, location=Location.APEX)}, 1),
    ],
)
def test_the_score_is_crimsons(reference: set[Fact], candidate: set[Fact], score: float) -> None:
    assert significance_score(reference, candidate) == pytest.approx(score)


@given(facts, facts)
def test_the_score_is_bounded_and_best_for_the_same_report(one: frozenset[Fact], other: frozenset[Fact]) -> None:
    assert -1 < significance_score(one, other) <= significance_score(one, one) == pytest.approx(1)


def test_no_film_with_a_critical_finding_is_normal() -> None:
    assert COVERS[Finding.ABNORMALITY] >= CRITICAL - DEVICES
