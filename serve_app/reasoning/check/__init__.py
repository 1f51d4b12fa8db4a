"""The draft, checked before anybody reads it: what it says is held against itself, and nothing is edited.

Knows the report's text alone, neither the image nor the truth. Facts are read by `serve_app.facts`.
"""

from collections.abc import Iterator, Sequence

from serve_app.domain.report import Concern, Section, SectionName, SectionStatus
from serve_app.facts import located_facts
from serve_app.reasoning.check.agreement import Agreement
from serve_app.reasoning.check.consistency import contradictions, missing_sides
from serve_app.reasoning.check.statements import Statement, read_statements
from serve_app.reasoning.check.wording import wording_concerns


class DraftCheck:
    """Checks one draft, section by section, in the order in which they are written; each is read once."""

    def __init__(self, *, has_prior: bool) -> None:
        self._has_prior = has_prior
        self._findings: list[Statement] = []
        self._drawn_from = SectionStatus.COMPLETE

    def section(self, name: SectionName, section: Section) -> tuple[Concern, ...]:
        """Name what is wrong with a section: alone, and as drawn from the findings before it."""
        stated = read_statements(name, section.text, located_facts(section.text))
        concerns = [
            *wording_concerns(
                name, section, is_read=bool(stated), has_prior=self._has_prior, drawn_from=self._drawn_from
            ),
            *contradictions(stated),
            *missing_sides(stated),
        ]
        if name is SectionName.FINDINGS:
            self._findings, self._drawn_from = stated, section.status
        else:
            concerns += self._compared(section.status, stated)
        return tuple(dict.fromkeys(concerns))

    def _compared(self, status: SectionStatus, impression: Sequence[Statement]) -> Iterator[Concern]:
        """Hold the impression against the findings; what was cut off may have said what is missing."""
        agreement = Agreement(self._findings, impression)
        yield from agreement.disagreements()
        if self._drawn_from is SectionStatus.COMPLETE:
            yield from agreement.unsupported()
        if status is SectionStatus.COMPLETE:
            yield from agreement.dropped()
