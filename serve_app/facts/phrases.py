"""Which words belong together: the findings between two cues, and the side, location and severity of each."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from serve_app.domain.facts import DEVICES, LUNG_SIGNS, LUNGS, PLEURA, Finding, Location, Severity, Side
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
        Finding.PNEUMOMEDIASTINUM,
        Finding.MALPOSITIONED_TUBE,
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
# What lies somewhere in a lung or along a bone; of all else the words for a place say nothing.
_LOCATED = LUNGS | PLEURA | FRACTURES | {Finding.LYMPHADENOPATHY}
# Where a finding always is says nothing.
_OWN_LOCATION = {Finding.HILAR_ENLARGEMENT: Location.HILUM}
# Kinds of cues that a list runs through.
_LISTING = (Kind.COMMA, Kind.JOIN, Kind.OR)
# Words for a place and an amount, and nothing else.
_PLACE_WORDS = (
    r"(?: ?(?:bên|phổi|phải|trái|hai|cả|thùy|đỉnh|đáy|nền|trên|dưới|giữa|[12]/[23]|phế|lưỡi|trường|vùng|nửa|rốn"
    r"|quanh|cạnh|ngoại|vi|màng|khoang|hạ|đòn|phân|nhu|mô|cung|xương|sườn|trước|sau|lượng|mức|độ|số|ít|nhiều|vừa|nhẹ|nặng"
    r"|trung|bình|hơn|ở|tại|khoảng|và|thứ|tăng|giảm|kích|thước|hình|ảnh|khí quản đồ|x|[mc]m|\d\S*)(?!\w))+ ?"
)
_MERE_PLACE = re.compile(_PLACE_WORDS)
# "..., with an air bronchogram in the left lower lobe".
_LIES_THERE = re.compile(rf" (?:ở|tại){_PLACE_WORDS}$")
_LUNG = re.compile(r"(?:hai |cả hai )?(?:phổi|phế trường|trường phổi|thùy|đỉnh|đáy)(?!\w)")
_NORMAL_THERE = re.compile(r" (?:bên )?(?:phải|trái) (?:bình thường|nhọn|sáng|rõ nét)")
# Heart, vessels, hilum, diaphragm, mediastinum, trachea, angle, spine, ratio, lungs, pleura, walls, broken bones.
_SUBJECT = re.compile(
    r" ?(?:các |hai |những )?(?:(?:(?:bóng mờ )?hình |bóng |diện )?tim|quai|cung(?! sau| trước| bên)|động mạch|rốn|vòm"
    r"|(?:cơ )?hoành|trung thất|khí quản(?! đồ)|góc|cột sống|chỉ số|phổi(?! tắc)|phế trường|nhu mô|(?:khoang )?màng"
    r"|thành|phần mềm|phế quản(?! phế)|tổ chức|rãnh|thùy|đỉnh|đáy|di chứng"
    r"|(?:cung \w+ )?xương(?: [\w-]+){1,4} (?:gãy|rạn|nứt))(?!\w)"
)
# "Lung", "rib", "clavicle", "bone".
_PLACE = re.compile(r"(?<!\w)(?:phổi|sườn|đòn|xương)(?!\w)")


@dataclass(frozen=True, slots=True)
class Phrase:
    """The findings and attributes between two cues; `opened_by` is the cue before it.

    `is_before_or`: an "or" follows in the same list, or opens the phrase.
    """

    opened_by: Cue | None = None
    is_before_or: bool = False
    mentions: list[Mention] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)

    @property
    def kind(self) -> Kind | None:
        """The kind of the cue that opens the phrase."""
        return self.opened_by.kind if self.opened_by else None

    @property
    def start(self) -> int:
        """Where the words behind the cue begin."""
        return self.opened_by.end if self.opened_by else 0


def split_phrases(mentions: list[Mention], attributes: list[Attribute], cues: list[Cue]) -> list[Phrase]:
    """Sort a clause's mentions and attributes into the phrases that its cues open."""
    ends = [cue.end for cue in cues]
    phrases = [Phrase(), *map(Phrase, cues, _are_before_or(cues))]
    for mention in mentions:
        phrases[bisect_right(ends, mention.start)].mentions.append(mention)
    for attribute in attributes:
        phrases[bisect_right(ends, attribute.start)].attributes.append(attribute)
    return phrases


def _are_before_or(cues: list[Cue]) -> list[bool]:
    flags: list[bool] = []
    is_before = False
    for cue in reversed(cues):
        is_before = cue.kind is Kind.OR or (is_before and cue.kind in (*_LISTING, Kind.SAME))
        flags.append(is_before)
    return flags[::-1]


def attach(clause: str, phrases: list[Phrase]) -> None:
    """Give each attribute to the mention it stands in or behind, else to the one it stands before.

    What a mention is given for several places makes it several: "right large, left small".
    """
    given: dict[int, list[Attribute]] = {id(mention): [] for phrase in phrases for mention in phrase.mentions}
    waiting: list[Attribute] = []
    last: list[Attribute] | None = None
    normal: dict[int, Side] = {}
    for phrase, after in zip_longest(phrases, phrases[1:]):
        if phrase.mentions:
            _share_out(phrase, waiting, given)
            waiting, last = [], given[id(phrase.mentions[-1])]
        elif last is not None and _is_afterthought(clause, phrase, after, last):
            last += phrase.attributes
        elif last is not None and (side := _other_side(clause, phrase, after)):
            normal[id(last)] = side
        else:
            waiting = [*waiting, *phrase.attributes] if _leads_on(clause, phrase, after) else []
    for phrase in phrases:
        members = [(mention, given[id(mention)]) for mention in phrase.mentions]
        phrase.mentions[:] = [
            one for mention, its in members for one in (*_members(mention, its), *_normal(mention, normal.get(id(its))))
        ]


def _other_side(clause: str, phrase: Phrase, after: Phrase | None) -> Side | None:
    """Give the side of "..., on the left normal"."""
    words = clause[phrase.start : end_of(clause, after)]
    sides = [each.value for each in phrase.attributes if isinstance(each.value, Side)]
    return sides[0] if len(sides) == 1 and _NORMAL_THERE.fullmatch(words) else None


def _normal(mention: Mention, side: Side | None) -> list[Mention]:
    return [replace(mention, side=side, is_normality=True)] if side else []


def _share_out(phrase: Phrase, waiting: list[Attribute], given: dict[int, list[Attribute]]) -> None:
    first = phrase.mentions[0]
    leading = [*waiting, *(each for each in phrase.attributes if each.start < first.start)]
    side = next((each.value for each in leading if isinstance(each.value, Side)), None)
    location = next((each.value for each in leading if isinstance(each.value, Location)), None)
    first.topic = replace(first, side=side, location=location) if side or location else None
    given[id(first)] += waiting
    for attribute in phrase.attributes:
        behind = (mention for mention in reversed(phrase.mentions) if mention.start <= attribute.start)
        sharing = [one for one in phrase.mentions if one.is_normality and one.start <= attribute.start < one.end]
        for mention in sharing or [next(behind, first)]:
            given[id(mention)].append(attribute)


def _is_afterthought(clause: str, phrase: Phrase, after: Phrase | None, last: list[Attribute]) -> bool:
    """Whether attributes behind a comma, "and" or "not changed" describe the mention before, and not the one after."""
    if after is not None and after.mentions and after.kind not in _LISTING:
        return False
    is_new = all(_slot(each) not in map(_slot, last) for each in phrase.attributes)
    if phrase.kind in (*_LISTING, Kind.POSITIVE) and _is_mere_place(clause, phrase, after):
        return True
    ends_in_place = _LIES_THERE.search(clause, phrase.start, end_of(clause, after)) is not None
    goes_on = phrase.kind is Kind.COMMA or (ends_in_place and phrase.kind in (Kind.JOIN, Kind.POSITIVE))
    return is_new and (phrase.kind is Kind.SAME or (goes_on and not begins_statement(clause, phrase)))


def _leads_on(clause: str, phrase: Phrase, after: Phrase | None) -> bool:
    """Whether attributes say where the next finding is: not those of another part ("không rõ vòm hoành trái, ...")."""
    if phrase.kind is Kind.UNSEEN:
        return False
    if after is None or after.kind is not Kind.COMMA:
        return True
    is_topic = phrase.kind is None and _LUNG.match(clause) is not None
    return phrase.kind is not Kind.NEGATIVE and (is_topic or _is_mere_place(clause, phrase, after))


def _is_mere_place(clause: str, phrase: Phrase, after: Phrase | None) -> bool:
    return _MERE_PLACE.fullmatch(clause, phrase.start, end_of(clause, after)) is not None


def end_of(clause: str, after: Phrase | None) -> int:
    """Return where a phrase ends that stands before another or last."""
    return after.opened_by.start if after and after.opened_by else len(clause)


def begins_statement(clause: str, phrase: Phrase) -> bool:
    """Whether a phrase opens with a part of the body, of which it states something: "..., the aorta is wide"."""
    return _SUBJECT.match(clause, phrase.start) is not None


def _slot(attribute: Attribute) -> str:
    return type(attribute.value).__name__.lower()


def _members(mention: Mention, attributes: list[Attribute]) -> list[Mention]:
    """Make a mention for each of its places: a second side or location begins the next."""
    groups: list[dict[str, Side | Location | Severity]] = [{}]
    again: dict[str, Side | Location | Severity] = {}
    for attribute in attributes:
        slot, value = _slot(attribute), attribute.value
        if not _can_take(mention, attribute):
            continue
        if groups[-1].get(slot) is value:
            again[slot] = value
        elif slot not in groups[-1]:
            groups[-1][slot] = value
        elif slot != "severity" and not mention.is_normality and Location.DIFFUSE not in (value, groups[-1][slot]):
            groups.append({**again, slot: value})
            again = {}
    return [replace(mention, **group) for group in _completed(groups)]


def _completed(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let all places share an amount named before the first of them, and the places of one side its name."""
    first, *others = groups
    shared = {"severity": first["severity"]} if next(iter(first), None) == "severity" else {}
    others = [{"side": first.get("side"), **shared, **other} for other in others]
    if first.get("side") is not Side.BILATERAL:
        return [first, *others]
    # "On both sides, on the right much, on the left little" states two things, "more on the right" nothing new.
    others = [other for other in others if len(other) > 1]
    return others if {Side.RIGHT, Side.LEFT} <= {other["side"] for other in others} else [first, *others]


def _can_take(mention: Mention, attribute: Attribute) -> bool:
    value = attribute.value
    if isinstance(value, Side):
        return mention.finding not in _SIDELESS
    if mention.is_normality or value is _OWN_LOCATION.get(mention.finding):
        return False
    if isinstance(value, Location) and mention.finding not in _LOCATED:
        return False
    is_inside = mention.start <= attribute.start and attribute.end <= mention.end
    return not (is_inside and value is Severity.SEVERE and mention.finding in _SIDELESS)


def distribute_sides(clause: str, phrases: list[Phrase]) -> None:
    """Give the place at a list's end to the items before it, and a leading place to those after it."""
    for items, is_negated in _lists(clause, phrases):
        _spread_topic(clause, items)
        end: Mention | None = None
        for item, after in reversed(list(zip_longest(items, items[1:]))):
            if item.finding in _OWN_SIDE_ONLY or item.is_normality:
                end = None
            elif after and (_has_own_amount(item, after) or (is_negated and _is_closed(clause, item, after, end))):
                end = item
            elif item.side is None:
                _place_like(clause, item, end)
            else:
                # An amount is one item's: "không tràn khí, tràn dịch trái lượng ít" says nothing of where no air is.
                end = None if is_negated and item.severity is not None else item


def _place_like(clause: str, item: Mention, other: Mention | None) -> None:
    """Give an item the side of another in its list; a shadow that names no place has its location too."""
    if other is None or item.side is not None:
        return
    item.side = other.side
    names_place = _PLACE.search(clause, item.start, item.end) is not None
    if item.location is None and not names_place and item.finding in LUNG_SIGNS and other.finding in LUNGS:
        item.location = other.location


def _has_own_amount(item: Mention, after: Mention) -> bool:
    """Whether an item is told apart from what follows of another region: "moderate oedema, effusion on both sides"."""
    return item.severity is not None and not _are_of_one_region(item, after)


def _are_of_one_region(one: Mention, other: Mention) -> bool:
    return any({one.finding, other.finding} <= region for region in (LUNGS, PLEURA, FRACTURES))


def _spread_topic(clause: str, items: list[Mention]) -> None:
    """Give the place in "the left lung: ..." to what a list names of the lung, until another side is named."""
    topic: Mention | None = None
    for item in items:
        topic = item.topic or (topic if item.side is None else None)
        if topic and not item.topic and _are_of_one_region(topic, item) and item.is_normality <= topic.is_normality:
            _place_like(clause, item, topic)


def _lists(clause: str, phrases: list[Phrase]) -> Iterator[tuple[list[Mention], bool]]:
    """Join the phrases that one list runs through; true if a negation opens it."""
    items: list[Mention] = []
    is_negated = False
    for phrase in phrases:
        goes_on = phrase.kind in (*_LISTING, Kind.SAME)
        if not goes_on or (is_negated and phrase.mentions and begins_statement(clause, phrase)):
            yield items, is_negated
            items, is_negated = [], phrase.kind is Kind.NEGATIVE
        items += phrase.mentions
    yield items, is_negated


def _is_closed(clause: str, item: Mention, after: Mention, end: Mention | None) -> bool:
    """Whether a negated list ends here: the place is named, and behind a comma follows something of another region."""
    if _are_of_one_region(item, after) or (end is not None and end.side is Side.BILATERAL):
        return False
    return "," in clause[item.end : after.start] and _PLACE.search(clause, item.start, item.end) is not None
