"""Precision and recall of atomic facts at three levels of strictness, and contradictions.

Source of the levels: RadGraph F1 (simple, partial, complete).
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum

from evaluation.metrics.hierarchy import denies, meet
from serve_app.domain.facts import Fact, Finding, Polarity, Side

Pair = tuple[frozenset[Fact], frozenset[Fact]]
"""The facts of a reference and of the candidate, in this order."""


class Strictness(StrEnum):
    """What must agree for two facts to match: finding and polarity; the side too; location and severity too."""

    FINDING = "finding"
    SIDE = "side"
    COMPLETE = "complete"


_KEYS: dict[Strictness, Callable[[Fact], Hashable]] = {
    Strictness.FINDING: lambda fact: (fact.finding, fact.polarity),
    Strictness.SIDE: lambda fact: (fact.finding, fact.polarity, fact.side),
    Strictness.COMPLETE: lambda fact: fact,
}


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of matched facts, of the candidate's facts and of the reference's facts. They add up over reports.

    A ratio without a denominator is 1 if both reports state nothing, otherwise 0: silence about a sick patient is not
    precision, and invention about a healthy one is not recall.
    """

    num_matched: int = 0
    num_told: int = 0
    num_true: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.num_matched + other.num_matched, self.num_told + other.num_told, self.num_true + other.num_true
        )

    @property
    def precision(self) -> float:
        return self.num_matched / self.num_told if self.num_told else float(not self.num_true)

    @property
    def recall(self) -> float:
        return self.num_matched / self.num_true if self.num_true else float(not self.num_told)

    @property
    def f1(self) -> float:
        told_or_true = self.num_told + self.num_true
        return 2 * self.num_matched / told_or_true if told_or_true else 1.0


@dataclass(frozen=True, slots=True)
class Contradictions:
    """The dangerous errors: a finding that is present in one report, and absent or on the other side in the other."""

    num_polarity: int = 0
    num_side: int = 0

    @property
    def num_all(self) -> int:
        return self.num_polarity + self.num_side


def count(reference: Collection[Fact], candidate: Collection[Fact], strictness: Strictness) -> Counts:
    """Count the facts of one pair. Facts that are equal at this level count once."""
    true, told = ({_KEYS[strictness](fact) for fact in facts} for facts in (reference, candidate))
    return overlap(true, told)


def overlap(true: Set[Hashable], told: Set[Hashable]) -> Counts:
    """Count what two sets have in common."""
    return Counts(len(true & told), len(told), len(true))


def present(facts: Iterable[Fact]) -> frozenset[Fact]:
    """Keep the present facts: negative ones are easy and would inflate every score."""
    return frozenset(fact for fact in facts if fact.polarity is Polarity.PRESENT)


def denials(facts: Iterable[Fact]) -> frozenset[Fact]:
    """Keep the absent facts."""
    return frozenset(fact for fact in facts if fact.polarity is Polarity.ABSENT)


def undisputed(report: Collection[Fact]) -> frozenset[Fact]:
    """Keep the present facts that the report does not also deny, by name or in general."""
    denied = denials(report)
    return frozenset(fact for fact in present(report) if not any(denies(denial, fact) for denial in denied))


def micro(pairs: Iterable[Pair], strictness: Strictness) -> Counts:
    """Pool the facts of all pairs."""
    return sum((count(reference, candidate, strictness) for reference, candidate in pairs), Counts())


def macro_f1(pairs: Sequence[Pair], strictness: Strictness) -> float:
    """Average the F1 of each report, so that long and short reports have equal weight.

    Raises:
        ValueError: no pairs.
    """
    if not pairs:
        raise ValueError("there is no report to score")
    return sum(count(reference, candidate, strictness).f1 for reference, candidate in pairs) / len(pairs)


def by_finding(pairs: Sequence[Pair], strictness: Strictness) -> dict[Finding, Counts]:
    """Score each finding that any report states."""
    named = {fact.finding for pair in pairs for facts in pair for fact in facts}
    return {
        finding: micro((_only(pair, finding) for pair in pairs), strictness) for finding in Finding if finding in named
    }


def contradictions(reference: Collection[Fact], *sections: Collection[Fact]) -> Contradictions:
    """Count the facts of a draft's sections that contradict the reference and agree with none of its facts.

    A polarity is flipped if a finding is present in one report and absent in the other on a common side (an unstated
    side matches every side). A general negative denies every finding that it includes (`hierarchy.COVERS`), unless its
    section also states that finding, or the reference itself uses the general term beside it ("nothing else"). A side
    is swapped if a present finding is right in one report and only left in the other. Uncertain facts contradict
    nothing. Several facts may contradict one fact of the reference, so their number may exceed its facts.
    """
    flipped = {fact for section in sections for fact in section if _is_flipped(fact, section, reference)}
    swapped = {fact for section in sections for fact in section if _is_swapped(fact, reference)}
    return Contradictions(len(flipped), len(swapped))


def denies_outright(denial: Fact, stated: Fact, section: Collection[Fact]) -> bool:
    """Whether a section's denial includes what is stated elsewhere, and the section names no such exception."""
    is_exception = denial.finding is not stated.finding and _states(section, stated)
    return denies(denial, stated) and not is_exception


def _only(pair: Pair, finding: Finding) -> Pair:
    reference, candidate = (frozenset(fact for fact in facts if fact.finding is finding) for facts in pair)
    return reference, candidate


def _is_flipped(fact: Fact, section: Collection[Fact], reference: Collection[Fact]) -> bool:
    if fact.polarity is Polarity.ABSENT:
        return any(denies_outright(fact, stated, section) for stated in undisputed(reference))
    if fact.polarity is Polarity.UNCERTAIN or _states(reference, fact):
        return False
    return any(denies(denial, fact) and _is_meant(denial, fact, reference) for denial in denials(reference))


def _is_meant(denial: Fact, fact: Fact, reference: Collection[Fact]) -> bool:
    """Whether a reference's general negative leaves no room: it names nothing that the term includes."""
    return denial.finding is fact.finding or not any(denies(denial, stated) for stated in present(reference))


def _states(report: Collection[Fact], fact: Fact) -> bool:
    return any(other.finding is fact.finding and meet(fact.side, other.side) for other in present(report))


def _is_swapped(fact: Fact, reference: Collection[Fact]) -> bool:
    other_side = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}.get(fact.side) if fact.side else None
    if other_side is None or fact.polarity is not Polarity.PRESENT:
        return False
    told = {other.side for other in reference if other.finding is fact.finding and other.polarity is Polarity.PRESENT}
    return told == {other_side}
