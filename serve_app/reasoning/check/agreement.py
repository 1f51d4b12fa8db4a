"""The findings and the impression drawn from them, held against each other statement by statement.

Statements of one finding are matched first; what is left differs, is denied, is drawn from signs of other names, or
is not there at all.
"""

from collections.abc import Iterator, Sequence
from itertools import product

from serve_app.domain.report import Concern, ConcernCode
from serve_app.reasoning.check.clinic import DIAGNOSES, INCIDENTAL, NO_SUPPORT, SUPPORT, VAGUE
from serve_app.reasoning.check.statements import Statement, denies, differences, is_one_finding, overlap


class Agreement:
    """Matches the statements of two sections; both sides of a bilateral statement are matched one by one."""

    def __init__(self, findings: Sequence[Statement], impression: Sequence[Statement]) -> None:
        self._denied_in_findings = [one for one in findings if one.is_denied]
        self._denied_in_impression = [one for one in impression if one.is_denied]
        self._shown = [side for one in findings if not one.is_denied for side in one.sides()]
        self._drawn = [side for one in impression if not one.is_denied for side in one.sides()]
        pairs = [pair for pair in product(self._shown, self._drawn) if is_one_finding(*pair)]
        agreeing = [pair for pair in pairs if not differences(*pair)]
        self._agreed = [one for pair in agreeing for one in pair]
        self._open_shown = [one for one in self._shown if one not in self._agreed]
        self._open_drawn = [one for one in self._drawn if one not in self._agreed]
        self._unlike = _nearest(pair for pair in pairs if pair[0] in self._open_shown and pair[1] in self._open_drawn)

    def disagreements(self) -> Iterator[Concern]:
        """Name what differs between statements of one finding, and what the other section denies."""
        for shown, drawn in self._unlike:
            yield from (drawn.against(code, shown) for code in differences(shown, drawn))
        for drawn in self._unmatched(self._open_drawn):
            yield from self._against_findings(drawn)
        for shown in self._unmatched(self._open_shown):
            yield from self._against_impression(shown)

    def unsupported(self) -> Iterator[Concern]:
        """Name what the impression is not drawn from any finding."""
        for drawn in self._unmatched(self._open_drawn):
            if not [*self._against_findings(drawn)] and not _supporting(drawn, self._shown):
                yield drawn.against(ConcernCode.UNSUPPORTED)

    def dropped(self) -> Iterator[Concern]:
        """Name the findings that the impression leaves out."""
        named = {concern.other for concern in self.disagreements()}
        for shown in self._unmatched(self._open_shown):
            is_due = shown.is_certain and shown.fact.finding not in INCIDENTAL
            if is_due and shown.place not in named and not self._is_stood_for(shown):
                yield shown.against(ConcernCode.DROPPED)

    def _unmatched(self, statements: Sequence[Statement]) -> list[Statement]:
        matched = [one for pair in self._unlike for one in pair]
        return [one for one in statements if one not in matched]

    def _against_findings(self, drawn: Statement) -> Iterator[Concern]:
        denials = [denied for denied in self._denied_in_findings if denies(denied, drawn)]
        alike = [shown for shown in self._shown if is_one_finding(shown, drawn)]
        supporting = _supporting(drawn, self._shown)
        # What is denied on its very side differs in more than its place from one that is elsewhere.
        if alike and not any(denied.fact.side for denied in denials):
            nearest = min(alike, key=lambda shown: len(differences(shown, drawn)))
            yield from (drawn.against(code, nearest) for code in differences(nearest, drawn))
        elif denials:
            yield drawn.against(ConcernCode.POLARITY_DISAGREES, denials[0])
        elif supporting and not any(overlap(one.fact.side, drawn.fact.side) for one in supporting):
            yield drawn.against(ConcernCode.SIDE_DISAGREES, supporting[0])

    def _against_impression(self, shown: Statement) -> Iterator[Concern]:
        denials = [denied for denied in self._denied_in_impression if denies(denied, shown)]
        # The impression names the other side of a bilateral finding.
        halves = [one for one in self._drawn if is_one_finding(one, shown) and self._is_half(shown)]
        if denials:
            yield denials[0].against(ConcernCode.POLARITY_DISAGREES, shown)
        elif halves and shown.fact.finding not in INCIDENTAL:
            yield halves[0].against(ConcernCode.SIDE_DISAGREES, shown)

    def _is_half(self, shown: Statement) -> bool:
        return any(one.place == shown.place and one != shown for one in self._agreed)

    def _is_stood_for(self, shown: Statement) -> bool:
        return any(
            overlap(shown.fact.side, drawn.fact.side) and self._stands_for(drawn, shown) for drawn in self._drawn
        )

    def _stands_for(self, drawn: Statement, shown: Statement) -> bool:
        """Whether an impression's statement says in another word what was found.

        One that speaks of a finding of its own name, or is drawn from signs in its own sentence, speaks of those alone.
        """
        finding, name = shown.fact.finding, drawn.fact.finding
        support = SUPPORT.get(name, NO_SUPPORT)
        if finding in support.accompaniments or (finding in VAGUE and name in SUPPORT[finding].signs | DIAGNOSES):
            return True
        if finding not in support.signs:
            return False
        if name not in DIAGNOSES:
            return drawn in self._open_drawn
        return not any(one.fact.finding in support.signs for one in self._drawn if _leads_to(one, drawn))


def _nearest(pairs: Iterator[tuple[Statement, Statement]]) -> list[tuple[Statement, Statement]]:
    """Pair statements that differ in as little as possible, each once."""
    chosen: list[tuple[Statement, Statement]] = []
    for pair in sorted(pairs, key=lambda pair: len(differences(*pair))):
        if not any(one in other for one in pair for other in chosen):
            chosen.append(pair)
    return chosen


def _supporting(drawn: Statement, shown: Sequence[Statement]) -> list[Statement]:
    signs = SUPPORT.get(drawn.fact.finding, NO_SUPPORT).signs
    return [one for one in shown if one.fact.finding in signs]


def _leads_to(one: Statement, other: Statement) -> bool:
    """Whether a statement stands before another in one sentence: "opacity on the right, suspect pneumonia"."""
    return one.located.sentence == other.located.sentence and one.place.start < other.place.start
