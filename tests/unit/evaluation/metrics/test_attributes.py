"""Degrees and places are compared where the finding is right, and only if the reference gives them."""

import pytest

from evaluation.metrics.attributes import degree_errors, place_errors
from serve_app.domain.facts import Fact, Finding, Location, Polarity, Severity, Side

MILD = Fact(Finding.EFFUSION, side=Side.LEFT, severity=Severity.MILD)
SEVERE = Fact(Finding.EFFUSION, side=Side.LEFT, severity=Severity.SEVERE)
PLAIN = Fact(Finding.EFFUSION, side=Side.LEFT)
UPPER = Fact(Finding.NODULE, side=Side.LEFT, location=Location.UPPER)
APEX = Fact(Finding.NODULE, side=Side.LEFT, location=Location.APEX)
LOWER = Fact(Finding.NODULE, side=Side.LEFT, location=Location.LOWER)


@pytest.mark.parametrize(
    ("reference", "candidate", "errors"),
    [
        ({MILD}, {MILD}, (0, 1)),
        ({MILD}, {SEVERE}, (1, 1)),
        ({MILD}, {PLAIN}, (1, 1)),
        ({PLAIN}, {SEVERE}, (0, 0)),
        ({MILD}, set(), (0, 0)),
        ({MILD}, {Fact(Finding.EFFUSION, side=Side.RIGHT, severity=Severity.SEVERE)}, (0, 0)),
        ({MILD}, {Fact(Finding.EFFUSION, Polarity.UNCERTAIN, Side.LEFT, None, Severity.SEVERE)}, (0, 0)),
        ({MILD}, {MILD, SEVERE}, (0, 1)),
    ],
)
def test_a_degree_is_wrong_or_missing(reference: set[Fact], candidate: set[Fact], errors: tuple[int, int]) -> None:
    assert degree_errors(reference, candidate) == errors


@pytest.mark.parametrize(
    ("reference", "candidate", "errors"),
    [
        ({UPPER}, {UPPER}, (0, 1)),
        ({UPPER}, {APEX}, (0, 1)),
        ({UPPER}, {LOWER}, (1, 1)),
        ({UPPER}, {Fact(Finding.NODULE, side=Side.LEFT)}, (1, 1)),
        ({UPPER, LOWER}, {UPPER}, (1, 2)),
        ({Fact(Finding.NODULE, side=Side.LEFT)}, {UPPER}, (0, 0)),
    ],
)
def test_a_place_is_wrong_unless_it_touches(
    reference: set[Fact], candidate: set[Fact], errors: tuple[int, int]
) -> None:
    assert place_errors(reference, candidate) == errors
