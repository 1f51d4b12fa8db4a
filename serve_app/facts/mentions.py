"""Find in one clause the mentions of findings and the words for side, location and severity.

Knows the lexicon and that the most specific, then the longest mention wins; not what is negated.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import zip_longest

from serve_app.domain.facts import DEVICES, LUNG_SIGNS, Fact, Finding, Location, Polarity, Severity, Side
from serve_app.facts.attributes import LOCATIONS, SEVERITIES, SIDES
from serve_app.facts.chest import CHEST_TERMS
from serve_app.facts.lungs import LUNG_TERMS
from serve_app.facts.normality import NORMALITY
from serve_app.facts.terms import compile_term, compile_terms

# Parts of the body: "nothing abnormal" near one of them is not said of the whole film.
_ANATOMY = re.compile(
    r"(?<!\w)(?:xương|phần mềm|hoành|trung thất|rốn|màng|động mạch|mạch|góc|cột sống|khí quản|thành|đậm độ|tim|phổi|vú"
    r"|cơ)(?!\w)"
)
_WHOLE_FILM = re.compile(r"hình|phim|x quang|tim|bóng")
_WHOLE_CHEST = re.compile(
    r"tim(?: ,| và)? phổi(?:(?: ,| và)+ (?:màng phổi|trung thất|(?:hệ |khung )?xương(?: lồng ngực)?|cơ hoành))*"
    r"|x quang \w+(?: phổi)?|phim phổi"
)
# What may lie in a wrong place.
_TUBES = DEVICES - {Finding.MALPOSITIONED_TUBE, Finding.STERNAL_WIRES}
_NUMBER = re.compile(r"\d")
_JOINT = re.compile(r" (?:,|và) ")
_BEHIND_JOINT = re.compile(r" (?:,|và|cùng) (?:các |hai )?$")
# Lung shadows that a diagnosis in the same phrase makes more specific.
_VAGUE = frozenset({Finding.OPACITY, Finding.LUNG_LESION})
_KINDS_OF_SHADOW = LUNG_SIGNS - {Finding.LUNG_LESION}
# What may stand between a shadow and its kind: a place, "in the form of".
_SHADOW_KIND = re.compile(
    r"(?: (?:phổi|phải|trái|hai|bên|đáy|đỉnh|thùy|trên|dưới|giữa|có|hình|ảnh|nhu|mô|đám|vùng|ổ|các)){0,8}"
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
    topic: "Mention | None" = None
    """Itself with the place that was named before it, which is that of its whole list."""

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
def _lexicon() -> list[tuple[Finding, bool, re.Pattern[str]]]:
    return [
        (finding, is_normality, pattern)
        for table, is_normality in ((LUNG_TERMS, False), (CHEST_TERMS, False), (NORMALITY, True))
        for finding, terms in table.items()
        for pattern in compile_terms(terms)
    ]


@cache
def _attribute_words() -> list[list[tuple[Side | Location | Severity, re.Pattern[str]]]]:
    return [[(value, compile_term(words)) for value, words in table] for table in (SIDES, LOCATIONS, SEVERITIES)]


@lru_cache(maxsize=4096)
def _places(clause: str) -> tuple[tuple[int, int, Finding, bool], ...]:
    """Match the whole lexicon: most of the extractor's time, and reports repeat their clauses word for word."""
    return tuple(
        (*_span(match), finding, is_normality)
        for finding, is_normality, pattern in _lexicon()
        for match in (_all_matches(pattern, clause) if is_normality else pattern.finditer(clause))
    )


def find_mentions(clause: str) -> list[Mention]:
    """Name the findings of a clause in reading order; of two that overlap the more specific, then the longer stands.

    Of two that are equal in that, the one that comes first in the lexicon's tables stands.
    """
    found = [Mention(*place) for place in _places(clause)]
    found = [mention for mention in found if not _begins_in_another(clause, mention, found)]
    taken = bytearray(len(clause))
    kept: list[Mention] = []
    for mention in sorted(found, key=_precedence):
        if _take(taken, mention.start, mention.end) or _shares_its_norm(clause, mention, kept):
            kept.append(mention)
    kept = [mention for mention in kept if not _is_about_a_part(clause, mention)]
    if not any(mention.finding in _TUBES for mention in kept):
        kept = [mention for mention in kept if mention.finding is not Finding.MALPOSITIONED_TUBE]
    kept = _without_needless_ratio(clause, kept)
    return _without_vague(clause, sorted(kept, key=lambda mention: mention.start))


def find_attributes(clause: str) -> list[Attribute]:
    """Name the sides, locations and severities of a clause in reading order."""
    found: list[Attribute] = []
    for table in _attribute_words():
        taken = bytearray(len(clause))
        found += [
            Attribute(*match.span(), value)
            for value, pattern in table
            for match in pattern.finditer(clause)
            if _take(taken, *match.span())
        ]
    return sorted(found, key=lambda attribute: attribute.start)


def _take(taken: bytearray, start: int, end: int) -> bool:
    """Mark the characters as taken and return true, unless one of them already was."""
    if any(taken[start:end]):
        return False
    taken[start:end] = b"\1" * (end - start)
    return True


def _all_matches(pattern: re.Pattern[str], clause: str) -> Iterator[re.Match[str]]:
    """Find also what begins within another match: "phổi trái bình thường" in "phổi phải, phổi trái bình thường"."""
    match = pattern.search(clause)
    while match:
        yield match
        match = pattern.search(clause, match.start() + 1)


def _begins_in_another(clause: str, mention: Mention, found: list[Mention]) -> bool:
    """Whether a list of what is normal begins in words that name a finding ("viêm phổi, tim bình thường")."""
    if not mention.is_normality or not _JOINT.search(clause, mention.start, mention.end):
        return False
    begin = max((joint.start() for joint in _JOINT.finditer(clause, 0, mention.start)), default=0)
    return any(not other.is_normality and begin <= other.start <= mention.start for other in found)


def _shares_its_norm(clause: str, mention: Mention, kept: list[Mention]) -> bool:
    """Whether it is a later subject of one "normal": "the heart and the hila are normal"."""
    if not mention.is_normality or not _BEHIND_JOINT.search(clause, 0, mention.start):
        return False
    return any(
        other.is_normality and other.start < mention.start and other.end == mention.end for other in kept
    ) and not any(other.finding is Finding.ABNORMALITY for other in kept)


def _span(match: re.Match[str]) -> tuple[int, int]:
    return match.span("m") if "m" in match.re.groupindex else match.span()


def _precedence(mention: Mention) -> tuple[bool, int, bool, bool, bool]:
    """Order what competes for the same words: a mere shadow ("khối mờ phổi") yields to all that is named."""
    return (
        mention.finding in _VAGUE and not mention.is_normality,
        mention.start - mention.end,
        not mention.is_normality,
        mention.finding is not Finding.ABNORMALITY,
        mention.finding is Finding.CALCIFICATION,
    )


def _is_about_a_part(clause: str, mention: Mention) -> bool:
    """Whether "nothing abnormal" is said of a part of the body and not of the whole film."""
    if mention.finding is not Finding.ABNORMALITY or _WHOLE_FILM.match(clause, mention.start):
        return False
    around = clause[max(0, mention.start - 80) : mention.end + 40]
    return _ANATOMY.search(_WHOLE_CHEST.sub("", around)) is not None


def _without_needless_ratio(clause: str, mentions: list[Mention]) -> list[Mention]:
    """Drop the cardiothoracic ratio beside words: what is much in an adult is usual in a newborn."""
    heart = [one for one in mentions if one.finding is Finding.CARDIOMEGALY]
    by_ratio = [one for one in heart if _NUMBER.search(clause, one.start, one.end)]
    return [one for one in mentions if one not in by_ratio] if len(by_ratio) < len(heart) else mentions


def _without_vague(clause: str, mentions: list[Mention]) -> list[Mention]:
    """Drop an opacity that the next words name ("đám mờ ... dạng nốt")."""
    return [
        mention
        for mention, after in zip_longest(mentions, mentions[1:])
        if after is None or not _is_named_by(clause, mention, after)
    ]


def _is_named_by(clause: str, mention: Mention, after: Mention) -> bool:
    if mention.finding not in _VAGUE or mention.is_normality or after.finding not in _KINDS_OF_SHADOW:
        return False
    return _SHADOW_KIND.fullmatch(clause, mention.end, after.start) is not None
