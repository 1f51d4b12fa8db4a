"""Which words belong together: the findings between two cues, and the side, location and severity of each."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from serve_app.domain.facts import DEVICES, LUNGS, PLEURA, Finding, Location, Severity, Side
from serve_app.facts.cues import Cue, Kind
from serve_app.facts.mentions import Attribute, Mention

FRACTURES = frozenset({Finding.RIB_FRACTURE, Finding.CLAVICLE_FRACTURE, Finding.BONE_LESION})
_SIDELESS = frozenset(
    {
        Finding.CARDIOMEGALY,
        Finding.HEART_FAILURE,
        Finding.AORTIC_ENLARGEMENT,
        Finding.AORTIC_CALCIFICATION,
        Finding.ABNORMALITY,
        Finding.STERNAL_WIRES,
        Finding.PROSTHETIC_VALVE,
    }
)
# These take no side from the others of a list.
_OWN_SIDE_ONLY = (
    _SIDELESS
    | DEVICES
    | {
        Finding.MEDIASTINAL_SHIFT,
        Finding.MEDIASTINAL_WIDENING,
        Finding.SCOLIOSIS,
        Finding.SPINAL_DEGENERATION,
        Finding.BONE_LESION,
        Finding.PULMONARY_ARTERY_ENLARGEMENT,
        Finding.COPD,
    }
)
# Where a finding always is says nothing.
_OWN_LOCATION = {Finding.HILAR_ENLARGEMENT: Location.HILUM, Finding.EFFUSION: Location.BASE}
# "Lung", "rib", "clavicle", "bone".
_PLACE = re.compile(r"(?<!\w)(?:phổi|sườn|đòn|xương)(?!\w)")


@dataclass(frozen=True, slots=True)
class Phrase:
    """The findings and attributes between two cues; `opened_by` is the cue before it."""

    opened_by: Cue | None = None
    mentions: list[Mention] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)

    @property
    def kind(self) -> Kind | None:
        """The kind of the cue that opens the phrase."""
        return self.opened_by.kind if self.opened_by else None


def split_phrases(mentions: list[Mention], attributes: list[Attribute], cues: list[Cue]) -> list[Phrase]:
    """Sort a clause's mentions and attributes into the phrases that its cues open."""
    ends = [cue.end for cue in cues]
    phrases = [Phrase(), *map(Phrase, cues)]
    for mention in mentions:
        phrases[bisect_right(ends, mention.start)].mentions.append(mention)
    for attribute in attributes:
        phrases[bisect_right(ends, attribute.start)].attributes.append(attribute)
    return phrases


def attach(phrases: list[Phrase]) -> None:
    """Give each attribute to the mention it stands in or behind, else to the one it stands before."""
    waiting: list[Attribute] = []
    last: Mention | None = None
    for phrase, after in zip_longest(phrases, phrases[1:]):
        if phrase.mentions:
            _attach_within(phrase, waiting)
            waiting, last = [], phrase.mentions[-1]
        elif last is not None and _is_afterthought(phrase, last):
            for attribute in phrase.attributes:
                _give(last, attribute)
        elif not (phrase.kind is Kind.NEGATIVE and after is not None and after.kind is Kind.COMMA):
            # "Không thấy rõ vòm hoành trái, ..." says nothing of where the next finding is.
            waiting += phrase.attributes


def _attach_within(phrase: Phrase, waiting: list[Attribute]) -> None:
    for attribute in waiting:
        _give(phrase.mentions[0], attribute)
    for attribute in phrase.attributes:
        behind = (mention for mention in reversed(phrase.mentions) if mention.start <= attribute.start)
        _give(next(behind, phrase.mentions[0]), attribute)


def _is_afterthought(phrase: Phrase, last: Mention) -> bool:
    """Whether attributes behind a comma or "not changed" describe the mention before."""
    return phrase.kind in (Kind.COMMA, Kind.SAME) and all(_is_free(last, each) for each in phrase.attributes)


def _slot(attribute: Attribute) -> str:
    return type(attribute.value).__name__.lower()


def _is_free(mention: Mention, attribute: Attribute) -> bool:
    return getattr(mention, _slot(attribute)) is None


def _give(mention: Mention, attribute: Attribute) -> None:
    if not _can_take(mention, attribute):
        return
    if _is_free(mention, attribute):
        setattr(mention, _slot(attribute), attribute.value)
    elif isinstance(attribute.value, Side) and mention.side is not attribute.value and not mention.is_normality:
        mention.side = Side.BILATERAL


def _can_take(mention: Mention, attribute: Attribute) -> bool:
    value = attribute.value
    if isinstance(value, Side):
        return mention.finding not in _SIDELESS
    if mention.is_normality or value is _OWN_LOCATION.get(mention.finding):
        return False
    is_inside = mention.start <= attribute.start and attribute.end <= mention.end
    return not (is_inside and value is Severity.SEVERE and mention.finding in _SIDELESS)


def distribute_sides(clause: str, phrases: list[Phrase]) -> None:
    """Give the side at a list's end to the items before it, and a leading side to those after it."""
    for items, is_negated in _lists(phrases):
        side: Side | None = None
        for item, after in reversed(list(zip_longest(items, items[1:]))):
            if item.finding in _OWN_SIDE_ONLY or item.is_normality:
                side = None
            elif is_negated and side is not Side.BILATERAL and after and _is_closed(clause, item, after):
                side = item.side
            elif item.side is None:
                item.side = side
            else:
                # An amount is one item's: "không tràn khí, tràn dịch trái lượng ít" says nothing of where no air is.
                side = None if is_negated and item.severity is not None else item.side


def _lists(phrases: list[Phrase]) -> Iterator[tuple[list[Mention], bool]]:
    """Join the phrases that one list runs through; true if a negation opens it."""
    items: list[Mention] = []
    is_negated = False
    for phrase in phrases:
        if phrase.kind not in (Kind.COMMA, Kind.JOIN, Kind.SAME):
            yield items, is_negated
            items, is_negated = [], phrase.kind is Kind.NEGATIVE
        items += phrase.mentions
    yield items, is_negated


def _is_closed(clause: str, item: Mention, after: Mention) -> bool:
    """Whether a negated list ends here: the place is named, and behind a comma follows something of another region."""
    if any({item.finding, after.finding} <= region for region in (LUNGS, PLEURA, FRACTURES)):
        return False
    return "," in clause[item.end : after.start] and _PLACE.search(clause, item.start, item.end) is not None
