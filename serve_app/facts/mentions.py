"""Find in one clause the mentions of findings and the words for side, location and severity.

Knows the lexicon and that the longest, most specific mention wins; not what is negated.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest

from serve_app.domain.facts import Fact, Finding, Location, Polarity, Severity, Side
from serve_app.facts.attributes import LOCATIONS, SEVERITIES, SIDES
from serve_app.facts.chest import CHEST_TERMS
from serve_app.facts.lungs import LUNG_TERMS
from serve_app.facts.normality import NORMALITY
from serve_app.facts.terms import compile_term

_ANATOMY = re.compile(
    r"(?<!\w)(?:xương|phần mềm|hoành|trung thất|rốn|màng|động mạch|mạch|góc|cột sống|khí quản|thành|đậm độ|tim|phổi|vú"
    r"|cơ)(?!\w)"
)
_JOINT = re.compile(r" (?:,|và) ")
# Lung shadows that a diagnosis in the same phrase makes more specific.
_VAGUE = frozenset({Finding.OPACITY, Finding.LUNG_LESION})
_SHADOW_KIND = re.compile(
    r"(?: (?:phổi|phải|trái|hai|bên|đáy|đỉnh|thùy|trên|dưới|giữa|có|hình|ảnh|nhu|mô)){0,8}"
    r" (?:dạng|kiểu|tính chất|hình)? ?"
)


@dataclass(slots=True)
class Mention:
    """One finding named in a clause, from `start` to `end` in characters."""

    start: int
    end: int
    finding: Finding
    is_normality: bool
    side: Side | None = None
    location: Location | None = None
    severity: Severity | None = None
    polarity: Polarity = Polarity.PRESENT

    @property
    def fact(self) -> Fact:
        """What the mention states."""
        return Fact(self.finding, self.polarity, self.side, self.location, self.severity)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A word for side, location or severity, from `start` to `end` in characters."""

    start: int
    end: int
    value: Side | Location | Severity


@cache
def _terms() -> tuple[tuple[Finding, bool, re.Pattern[str]], ...]:
    return tuple(
        (finding, is_normality, compile_term(term))
        for table, is_normality in ((LUNG_TERMS, False), (CHEST_TERMS, False), (NORMALITY, True))
        for finding, terms in table.items()
        for term in terms
    )


@cache
def _attributes() -> tuple[tuple[tuple[Side | Location | Severity, re.Pattern[str]], ...], ...]:
    return tuple(
        tuple((value, re.compile(rf"(?<!\w)(?:{words})(?!\w)")) for value, words in table)
        for table in (SIDES, LOCATIONS, SEVERITIES)
    )


def find_mentions(clause: str) -> list[Mention]:
    """Name the findings of a clause in reading order; of two that overlap the more specific, then the longer stands."""
    found = [
        Mention(*_span(match), finding, is_normality)
        for finding, is_normality, pattern in _terms()
        for match in (_all_matches(pattern, clause) if is_normality else pattern.finditer(clause))
    ]
    found = [mention for mention in found if not _begins_in_another(clause, mention, found)]
    found.sort(key=_precedence)
    taken, kept = bytearray(len(clause)), []
    for mention in found:
        if not any(taken[mention.start : mention.end]):
            taken[mention.start : mention.end] = b"\1" * (mention.end - mention.start)
            kept.append(mention)
    kept = sorted((mention for mention in kept if not _is_about_a_part(clause, mention)), key=lambda kept: kept.start)
    return _without_vague(clause, kept)


def find_attributes(clause: str) -> list[Attribute]:
    """Name the sides, locations and severities of a clause in reading order."""
    found: list[Attribute] = []
    for table in _attributes():
        taken = bytearray(len(clause))
        for value, pattern in table:
            for match in pattern.finditer(clause):
                if not any(taken[match.start() : match.end()]):
                    taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
                    found.append(Attribute(match.start(), match.end(), value))
    return sorted(found, key=lambda attribute: attribute.start)


def _all_matches(pattern: re.Pattern[str], clause: str) -> Iterator[re.Match[str]]:
    """Find also what begins within another match: "phổi trái bình thường" in "phổi phải, phổi trái bình thường"."""
    match = pattern.search(clause)
    while match:
        yield match
        match = pattern.search(clause, match.start() + 1)


def _begins_in_another(clause: str, mention: Mention, found: list[Mention]) -> bool:
    """Whether a list of what is normal begins in words that tell a finding ("viêm phổi, tim bình thường")."""
    if not mention.is_normality or not _JOINT.search(clause, mention.start, mention.end):
        return False
    begin = max((joint.start() for joint in _JOINT.finditer(clause, 0, mention.start)), default=0)
    return any(not other.is_normality and begin <= other.start <= mention.start for other in found)


def _span(match: re.Match[str]) -> tuple[int, int]:
    return match.span("m") if "m" in match.re.groupindex else match.span()


def _precedence(mention: Mention) -> tuple[bool, int, bool, bool, bool]:
    """Order what competes for the same words: a mere shadow ("khối mờ phổi") yields to all that is named."""
    return (
        mention.finding is Finding.OPACITY,
        mention.start - mention.end,
        not mention.is_normality,
        mention.finding is not Finding.ABNORMALITY,
        mention.finding is Finding.CALCIFICATION,
    )


def _is_about_a_part(clause: str, mention: Mention) -> bool:
    """Whether "nothing abnormal" is said of a part of the body and not of the whole film."""
    if mention.finding is not Finding.ABNORMALITY or re.match(r"hình|phim|x quang|tim|bóng", clause[mention.start :]):
        return False
    around = re.sub(
        r"tim(?: ,| và)? phổi|x quang \w+(?: phổi)?|phim phổi",
        "",
        clause[max(0, mention.start - 80) : mention.end + 40],
    )
    return _ANATOMY.search(around) is not None


def _without_vague(clause: str, mentions: list[Mention]) -> list[Mention]:
    """Drop an opacity that the next words name ("đám mờ ... dạng nốt")."""
    return [
        mention
        for mention, after in zip_longest(mentions, mentions[1:])
        if not (
            after is not None
            and mention.finding in _VAGUE
            and not mention.is_normality
            and after.finding.value in _LUNG_SHADOWS
            and _SHADOW_KIND.fullmatch(clause[mention.end : after.start])
        )
    ]


_LUNG_SHADOWS = frozenset(finding.value for finding in list(Finding)[: list(Finding).index(Finding.LUNG_LESION)])
