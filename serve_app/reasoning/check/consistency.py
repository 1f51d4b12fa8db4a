"""One section by itself: what it both states and denies, and what lacks its side."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from serve_app.domain.facts import REGIONS, Finding, Location
from serve_app.domain.report import Concern, ConcernCode
from serve_app.reasoning.check.clinic import SIDED
from serve_app.reasoning.check.statements import Statement, denies, differences, is_one_finding

# Only the right lung has a middle lobe.
_MIDDLE_LOBE = re.compile(r"th(?:ùy|uỳ) giữa", re.IGNORECASE)


def contradictions(stated: Sequence[Statement]) -> Iterator[Concern]:
    """Find what one section both states and denies, or states twice in different degrees or directions."""
    for denied in filter(lambda statement: statement.is_denied, stated):
        for other in stated:
            if other.is_certain and denies(denied, other):
                yield other.against(ConcernCode.CONTRADICTS_ITSELF, denied)
    for one, other in combinations([statement for statement in stated if statement.is_certain], 2):
        if is_one_finding(one, other) and _cannot_both_be(one, other):
            yield other.against(ConcernCode.CONTRADICTS_ITSELF, one)


def missing_sides(stated: Sequence[Statement]) -> Iterator[Concern]:
    """Find what lies on a side that is not named."""
    for statement in stated:
        fact = statement.fact
        is_due = fact.finding in SIDED and statement.is_certain and fact.side is None
        has_place = fact.location is Location.DIFFUSE or _MIDDLE_LOBE.search(statement.sentence)
        if is_due and not has_place and not _is_sided_elsewhere(statement, stated):
            yield statement.against(ConcernCode.SIDE_MISSING)


def _is_sided_elsewhere(statement: Statement, stated: Sequence[Statement]) -> bool:
    """Whether another sentence says on which side the same thing lies, or the same one where it comes with it."""
    sided = [other for other in stated if other.is_certain and other.fact.side]
    return any(
        (is_one_finding(other, statement) and not differences(other, statement)) or _comes_with(statement, other)
        for other in sided
    )


def _comes_with(statement: Statement, other: Statement) -> bool:
    """Whether it follows one of its region in a sentence: "consolidation of the right upper lobe, with fibrosis"."""
    is_behind = other.located.sentence == statement.located.sentence and other.place.start < statement.place.start
    return is_behind and any({statement.fact.finding, other.fact.finding} <= region for region in REGIONS)


def _cannot_both_be(one: Statement, other: Statement) -> bool:
    differ = differences(one, other)
    if one.fact.finding is Finding.MEDIASTINAL_SHIFT:
        return ConcernCode.SIDE_DISAGREES in differ
    # Several places of one side may each have a degree of their own.
    is_same_place = (one.fact.side, one.fact.location) == (other.fact.side, other.fact.location)
    return is_same_place and ConcernCode.DEGREE_DISAGREES in differ
