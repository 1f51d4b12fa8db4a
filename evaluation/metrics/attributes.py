"""Whether a draft gives the finding of a reference its degree and its place, and is as certain of it."""

from collections.abc import Callable, Collection

from evaluation.metrics.facts import present
from evaluation.metrics.hierarchy import meet
from serve_app.domain.facts import Fact, Location

_ADJACENT = tuple(
    map(
        frozenset,
        (
            (Location.APEX, Location.UPPER),
            (Location.UPPER, Location.MIDDLE),
            (Location.MIDDLE, Location.LOWER),
            (Location.LOWER, Location.BASE),
            (Location.HILUM, Location.MIDDLE),
        ),
    )
)
"""Zones that touch: a draft that names the neighbour is near enough. Source: CRIMSON's guideline for locations."""

Errors = tuple[int, int]
"""How many of a reference's attributes are wrong or missing in the draft, of how many."""


def degree_errors(reference: Collection[Fact], candidate: Collection[Fact]) -> Errors:
    """Count wrong and missing degrees of the present findings that both reports state on the same side."""
    return _errors(reference, candidate, lambda fact: fact.severity is not None, _has_degree)


def place_errors(reference: Collection[Fact], candidate: Collection[Fact]) -> Errors:
    """Count wrong and missing places of the present findings that both reports state on the same side."""
    return _errors(reference, candidate, lambda fact: fact.location is not None, _has_place)


def num_attribute_errors(reference: Fact, candidate: Fact) -> int:
    """Count in what two statements of one finding differ; what the reference leaves open is not compared."""
    return sum(
        (
            candidate.polarity is not reference.polarity,
            reference.side is not None and (candidate.side is None or not meet(candidate.side, reference.side)),
            not _has_place(reference, candidate),
            not _has_degree(reference, candidate),
        )
    )


def _errors(
    reference: Collection[Fact],
    candidate: Collection[Fact],
    has_attribute: Callable[[Fact], bool],
    is_right: Callable[[Fact, Fact], bool],
) -> Errors:
    told = present(candidate)
    judged = [
        [is_right(fact, other) for other in told if (other.finding, other.side) == (fact.finding, fact.side)]
        for fact in present(reference)
        if has_attribute(fact)
    ]
    found = [any(rights) for rights in judged if rights]
    return found.count(False), len(found)


def _has_degree(reference: Fact, candidate: Fact) -> bool:
    return reference.severity in (None, candidate.severity)


def _has_place(reference: Fact, candidate: Fact) -> bool:
    places = frozenset({reference.location, candidate.location})
    return reference.location is None or len(places) == 1 or places in _ADJACENT
