"""What can be said of a draft without its reference: is it whole, is it read, and does it agree with itself?"""

import re
from collections.abc import Collection
from functools import cache

from evaluation.predictions import Text
from serve_app.domain.conversation import FinishReason
from serve_app.domain.facts import LocatedFact
from serve_app.domain.report import Concern, Section, SectionName, SectionStatus
from serve_app.reasoning.check import DraftCheck
from serve_app.reasoning.parse import parse_section, split_items

_SENTENCE_END = re.compile(r"\n|[!?;]|\.(?!\d)")
_WORD = re.compile(r"[^\W\d_]{2,}")


@cache
def concerns(text: Text) -> tuple[Concern, ...]:
    """Check a draft as serving does, as a study without an earlier film."""
    check = DraftCheck(has_prior=False)
    return tuple(concern for name, section in sections(text).items() for concern in check.section(name, section))


def sections(text: Text) -> dict[SectionName, Section]:
    """Rebuild the sections of a draft. Where no status was recorded, the words decide."""
    return {
        SectionName.FINDINGS: _section(text.findings, text.findings_status),
        SectionName.IMPRESSION: _section(text.impression, text.impression_status),
    }


def num_incomplete(text: Text) -> int:
    """Count the sections that are truncated, empty or looping."""
    return sum(section.status is not SectionStatus.COMPLETE for section in sections(text).values())


def num_sentences(text: str, facts: Collection[LocatedFact]) -> tuple[int, int]:
    """Count the sentences in which no fact was read, and all sentences."""
    read = {located.sentence for located in facts}
    rest = text
    for start, end in read:
        rest = rest[:start] + "\n" * (end - start) + rest[end:]
    num_unread = sum(_WORD.search(part) is not None for part in _SENTENCE_END.split(rest))
    return num_unread, num_unread + len(read)


def _section(text: str, status: str | None) -> Section:
    if status in (None, SectionStatus.COMPLETE):
        return parse_section(text, FinishReason.STOP)
    return Section(text, split_items(text), SectionStatus(status))
