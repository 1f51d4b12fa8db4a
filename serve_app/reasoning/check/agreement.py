"""Facts held against each other: within a section, and between the findings and the impression drawn from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from serve_app.domain.facts import Fact, Finding, LocatedFact, Location, Polarity, Side
from serve_app.domain.report import Concern, ConcernCode, Place, SectionName
from serve_app.reasoning.check.clinic import DENIED_BY, INCIDENTAL, SIDED, SUPPORT

# Names of neighbouring places that readers use for one another.
_NEIGHBOURS = (
    frozenset({Location.APEX, Location.UPPER}),
    frozenset({Location.BASE, Location.LOWER}),
    frozenset({Location.HILUM, Location.MIDDLE}),
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact in a section of a report."""

    section: SectionName
    located: LocatedFact

    @property
    def fact(self) -> Fact:
        """What is stated."""
        return self.located.fact

    @property
    def place(self) -> Place:
        """Where it is stated first."""
        return Place(self.section, *self.located.mentions[0])

    @property
    def is_denied(self) -> bool:
        """Whether it is stated to be absent."""
        return self.fact.polarity is Polarity.ABSENT


def contradictions(stated: Sequence[Statement]) -> Iterator[Concern]:
    """Find what one section both states and denies."""
    for denied in filter(lambda statement: statement.is_denied, stated):
        for other in stated:
            if other.fact.polarity is Polarity.PRESENT and _denies(denied, other):
                yield Concern(ConcernCode.CONTRADICTS_ITSELF, other.place, denied.place)


def missing_sides(stated: Sequence[Statement]) -> Iterator[Concern]:
    """Find what lies on a side that is not named."""
    for statement in stated:
        fact = statement.fact
        is_due = fact.finding in SIDED and fact.polarity is Polarity.PRESENT
        if is_due and fact.side is None and fact.location is not Location.DIFFUSE:
            yield Concern(ConcernCode.SIDE_MISSING, statement.place)


def disagreements(findings: Sequence[Statement], impression: Sequence[Statement]) -> Iterator[Concern]:
    """Find what the impression states against the findings, without them, or not at all; each pair once."""
    named = set()
    for statement in impression:
        for concern in _against(statement, findings):
            named.add((concern.other, concern.place))
            yield concern
    for statement in findings:
        if not statement.is_denied and statement.fact.finding not in INCIDENTAL:
            yield from (one for one in _left_out(statement, impression) if (one.place, one.other) not in named)


def _against(statement: Statement, findings: Sequence[Statement]) -> Iterator[Concern]:
    if statement.is_denied:
        for other in findings:
            if other.fact.polarity is Polarity.PRESENT and _denies(statement, other):
                yield Concern(ConcernCode.POLARITY_DISAGREES, statement.place, other.place)
        return
    shown = [other for other in findings if not other.is_denied]
    same = [other for other in shown if other.fact.finding is statement.fact.finding]
    denials = [other for other in findings if other.is_denied and _denies(other, statement)]
    if same:
        yield from _mismatch(statement, same)
    elif denials:
        yield Concern(ConcernCode.POLARITY_DISAGREES, statement.place, denials[0].place)
    elif not _supported(statement.fact.finding, shown):
        yield Concern(ConcernCode.UNSUPPORTED, statement.place)


def _left_out(statement: Statement, impression: Sequence[Statement]) -> Iterator[Concern]:
    finding = statement.fact.finding
    stated = [other for other in impression if not other.is_denied]
    same = [other for other in stated if other.fact.finding is finding]
    if same:
        yield from _mismatch(statement, same)
    elif any(_denies(other, statement) for other in impression if other.is_denied):
        return
    elif not any(finding in SUPPORT.get(other.fact.finding, ()) for other in stated):
        yield Concern(ConcernCode.DROPPED, statement.place)


def _mismatch(statement: Statement, same: Sequence[Statement]) -> Iterator[Concern]:
    """Hold a statement against those of the same finding in the other section; one that fits is enough."""
    sided = [other for other in same if _overlap(statement.fact.side, other.fact.side, is_exact=True)]
    placed = [other for other in sided if _is_near(statement.fact.location, other.fact.location)]
    if not sided:
        yield Concern(ConcernCode.SIDE_DISAGREES, statement.place, same[0].place)
    elif not placed:
        yield Concern(ConcernCode.PLACE_DISAGREES, statement.place, sided[0].place)
    elif statement.section is SectionName.IMPRESSION and not any(_is_equal_degree(statement, one) for one in placed):
        yield Concern(ConcernCode.DEGREE_DISAGREES, statement.place, placed[0].place)


def _is_equal_degree(one: Statement, other: Statement) -> bool:
    degrees = {one.fact.severity, other.fact.severity}
    return len(degrees) == 1 or None in degrees


def _denies(denied: Statement, other: Statement) -> bool:
    finding = other.fact.finding
    is_covered = finding is denied.fact.finding or finding in DENIED_BY.get(denied.fact.finding, ())
    return is_covered and _overlap(denied.fact.side, other.fact.side)


def _supported(finding: Finding, shown: Sequence[Statement]) -> bool:
    return any(other.fact.finding in SUPPORT.get(finding, ()) for other in shown)


def _overlap(one: Side | None, other: Side | None, *, is_exact: bool = False) -> bool:
    """Whether two sides may be the same; a side that is not named may be any. Exactly: both sides are not one side."""
    if one is None or other is None or one is other:
        return True
    return not is_exact and Side.BILATERAL in (one, other)


def _is_near(one: Location | None, other: Location | None) -> bool:
    if one is None or other is None or one is other or Location.DIFFUSE in (one, other):
        return True
    return any({one, other} <= neighbours for neighbours in _NEIGHBOURS)
