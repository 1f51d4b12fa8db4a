"""A fact in a section of a report, and how two such statements stand to each other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from serve_app.domain.facts import Fact, LocatedFact, Location, Polarity, Side
from serve_app.domain.report import Concern, ConcernCode, Place, SectionName
from serve_app.reasoning.check.clinic import DENIED_BY, GRADED

# Names of neighbouring places that readers use for one another.
_NEIGHBOURS = (
    frozenset({Location.APEX, Location.UPPER}),
    frozenset({Location.BASE, Location.LOWER}),
    frozenset({Location.HILUM, Location.MIDDLE}),
)
# "Nothing else", "apart from that", "the rest": a general negative that makes room for what was named.
_REST = re.compile(r"\b(?:khác|ngoài ra|còn lại)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact in a section; `sentence` is the text of the sentence that states it."""

    section: SectionName
    located: LocatedFact
    sentence: str

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

    @property
    def is_certain(self) -> bool:
        """Whether it is stated to be present."""
        return self.fact.polarity is Polarity.PRESENT

    def sides(self) -> Iterator["Statement"]:
        """Part a statement about both sides into one about each."""
        if self.fact.side is not Side.BILATERAL:
            yield self
            return
        for side in (Side.RIGHT, Side.LEFT):
            yield replace(self, located=replace(self.located, fact=replace(self.fact, side=side)))

    def against(self, code: ConcernCode, other: "Statement | None" = None) -> Concern:
        """Raise a concern about this statement, as compared with another."""
        return Concern(code, self.place, other.place if other else None)


def read_statements(section: SectionName, text: str, facts: tuple[LocatedFact, ...]) -> list[Statement]:
    """Join the facts of a section with its text; what it repeats counts once, at its first place."""
    first = {located.fact: located for located in reversed(facts)}
    return [Statement(section, one, text[slice(*one.sentence)]) for one in facts if first[one.fact] is one]


def differences(one: Statement, other: Statement) -> tuple[ConcernCode, ...]:
    """Name in what two statements of one finding cannot both be true of one film: none if they can."""
    fact, compared = one.fact, other.fact
    is_graded = fact.finding in GRADED and None not in (fact.severity, compared.severity)
    found = (
        (ConcernCode.SIDE_DISAGREES, not overlap(fact.side, compared.side)),
        (ConcernCode.PLACE_DISAGREES, not _is_near(fact.location, compared.location)),
        (ConcernCode.DEGREE_DISAGREES, is_graded and fact.severity is not compared.severity),
    )
    return tuple(code for code, is_different in found if is_different)


def denies(denied: Statement, other: Statement) -> bool:
    """Whether what a denied statement calls absent includes what the other names."""
    covered = DENIED_BY.get(denied.fact.finding, frozenset())
    if not (is_one_finding(denied, other) or other.fact.finding in covered):
        return False
    is_about_the_rest = bool(covered) and _REST.search(denied.sentence) is not None
    is_there = overlap(denied.fact.side, other.fact.side) and _is_near(denied.fact.location, other.fact.location)
    return is_there and not is_about_the_rest


def is_one_finding(one: Statement, other: Statement) -> bool:
    """Whether two statements name the same finding."""
    return one.fact.finding is other.fact.finding


def overlap(one: Side | None, other: Side | None) -> bool:
    """Whether two sides may be the same; a side that is not named may be any."""
    return one is None or other is None or one is other or Side.BILATERAL in (one, other)


def _is_near(one: Location | None, other: Location | None) -> bool:
    if one is None or other is None or one is other or Location.DIFFUSE in (one, other):
        return True
    return any({one, other} <= neighbours for neighbours in _NEIGHBOURS)
