"""How much depends on a finding, and a report's score by those weights, after CRIMSON.

Source: CRIMSON, arXiv:2603.06183. Its code has the weights, the formula and examples of each level. Our own, and not
reviewed by a radiologist: the levels of all that its examples do not name. Age and indication, by which CRIMSON's
language model judges, change nothing here. So the score cannot be compared with published ones.
"""

from collections.abc import Collection
from enum import Enum

from evaluation.metrics.attributes import num_attribute_errors
from serve_app.domain.facts import DEVICES, Fact, Finding, Polarity, Severity

_F = Finding
_ATTRIBUTE_ERROR = 0.5


class Significance(Enum):
    """A level of CRIMSON; the value is its weight."""

    URGENT = 1.0
    ACTIONABLE = 0.5
    NOT_ACTIONABLE = 0.25
    BENIGN = 0.0


CRITICAL = frozenset(
    {_F.PNEUMOTHORAX, _F.PNEUMOPERITONEUM, _F.PNEUMOMEDIASTINUM, _F.MALPOSITIONED_TUBE}
    | {_F.MEDIASTINAL_SHIFT, _F.MEDIASTINAL_WIDENING}
)
"""What must reach a doctor at once: CRIMSON's urgent findings."""
_NOT_ACTIONABLE = DEVICES | {
    # Named by CRIMSON: atelectasis, scars, thickened pleura, devices in place.
    *(_F.ATELECTASIS, _F.FIBROSIS, _F.PLEURAL_THICKENING),
    # Ours.
    *(_F.EMPHYSEMA, _F.COPD, _F.BRONCHITIS, _F.BRONCHIAL_THICKENING, _F.BRONCHIECTASIS, _F.CYST),
    *(_F.HILAR_ENLARGEMENT, _F.ELEVATED_DIAPHRAGM, _F.AORTIC_ENLARGEMENT),
}
_BENIGN = frozenset({_F.CALCIFICATION, _F.AORTIC_CALCIFICATION, _F.SPINAL_DEGENERATION, _F.SCOLIOSIS, _F.STERNAL_WIRES})
# CRIMSON calls a large heart urgent beside a large pericardial effusion; here a large heart alone is not.
_SMALL = {_F.PNEUMOTHORAX: Significance.ACTIONABLE, _F.EFFUSION: Significance.NOT_ACTIONABLE}


def significance(fact: Fact) -> Significance:
    """Return the level of a fact. A finding that no table names would change the treatment."""
    if fact.severity is Severity.MILD and fact.finding in _SMALL:
        return _SMALL[fact.finding]
    for level, findings in (
        (Significance.URGENT, CRITICAL),
        (Significance.BENIGN, _BENIGN),
        (Significance.NOT_ACTIONABLE, _NOT_ACTIONABLE),
    ):
        if fact.finding in findings:
            return level
    return Significance.ACTIONABLE


def weight(facts: Collection[Fact]) -> float:
    """Add the weights of facts."""
    return sum(significance(fact).value for fact in facts)


def stated(facts: Collection[Fact]) -> frozenset[Fact]:
    """Keep what is stated, as certain or as uncertain."""
    return frozenset(fact for fact in facts if fact.polarity is not Polarity.ABSENT)


def significance_score(reference: Collection[Fact], candidate: Collection[Fact]) -> float:
    """Score one report in (-1, 1]: 1 is perfect, 0 is as good as an empty report, and below 0 is worse than empty.

    A finding matches by name; each attribute that differs (certainty, side, place, degree) costs part of its weight.
    """
    true, told = stated(reference), stated(candidate)
    invented = weight([fact for fact in told if fact.finding not in {other.finding for other in true}])
    correct = sum(_credit(fact, told) for fact in true)
    surplus = invented - correct
    whole = weight(true)
    if whole == 0:
        return 1.0 if invented == 0 else -invented / (1 + invented)
    return -surplus / whole if surplus <= 0 else -surplus / (1 + surplus)


def _credit(fact: Fact, told: Collection[Fact]) -> float:
    base = significance(fact).value
    alike = [num_attribute_errors(fact, other) for other in told if other.finding is fact.finding]
    return base**2 / (base + _ATTRIBUTE_ERROR * min(alike)) if alike and base else 0.0
