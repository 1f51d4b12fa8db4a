"""Sentences, clauses and phrases; how far a negation or an uncertainty reaches, and which words belong together.

Knows the grammar of a report, not its terms.
"""
# ruff: noqa: E501 - a term reads best on one line

import re
from dataclasses import dataclass
from enum import Enum, auto
from itertools import zip_longest

from serve_app.domain.facts import Finding, Location, Polarity, Severity, Side
from serve_app.facts.mentions import Attribute, Mention, find_attributes, find_mentions
from serve_app.facts.normality import NO

# What should be done, what once was: no facts of this film.
_ASIDE = re.compile(r"(?<!\w)(?:đề nghị|khuyến nghị|đề xuất|tiền sử|bệnh sử|lâm sàng (?:có|nghi)|kỹ thuật)(?!\w)[^,;]*")
_UNDECIDED = r"(?:không|chưa)(?: thể| thấy)? (?:loại|ngoại) trừ(?: được)?"
_SAME = (
    "tăng(?! sáng| đậm| áp| tuần hoàn| thông)|giảm|thay đổi|biến đổi(?! bất)|đổi|đồng nhất|đều|hoàn toàn|đặc hiệu|điển hình|xác định|đối xứng|cân|cải thiện|"
    "tiến triển|chỉ(?! thép| kim| cột| buộc| khâu)|những|kể|đáng kể|so sánh|thuyên giảm|ổn|liên tục|quá|sâu|hết|đánh giá|hít|đạt|tan|hấp thu|mất|biến mất|khác|"
    "rõ (?:nguyên nhân|bờ|ranh|giới|nét|ràng)|thuần nhất|hợp tác|thẳng|đúng|chuẩn|phim"
)
_UNCLEAR = r"(?:(?<=bờ )|(?<=giới )|(?<=hạn )|(?<=viền )|(?<=nhân )|(?<=chất )|(?<=lượng ))(?:không|chưa)(?: thấy)? rõ"
_CUES = re.compile(
    rf"(?<!\w)(?:(?P<uncertain>{_UNDECIDED}|theo dõi|nghi ngờ|nghi|khả năng|hướng (?:tới|đến|về)|có thể|gợi ý|(?:chẩn đoán )?phân biệt|nghĩ|"
    rf"chưa chắc|không chắc|có lẽ|dường như|loại trừ|cân nhắc)"
    rf"|(?P<same>{_UNCLEAR}|(?:không|chưa)(?: thấy| có| ghi nhận| còn| bị)*(?: sự| dấu hiệu)? (?:{_SAME}))"
    rf"|(?P<negative>(?:không|chưa|chẳng)(?: thấy| có| còn| ghi nhận| phát hiện| quan sát| rõ| được)*|(?<!hầu như )(?:đã )?(?:hấp thu |tan )?(?<!hầu )(?<!trước )(?<!chưa )(?<!gần )hết(?: hoàn toàn| hẳn)?|âm tính)"
    rf"|(?P<but>nhưng|tuy nhiên|song(?! bên| song)|ngoài ra|ngoại trừ|trừ)"
    rf"|(?P<positive>có|còn|thấy|xuất hiện|ghi nhận|phát hiện|kèm|hiện có|đã|đang|vẫn|sau|được)"
    rf"|(?P<join>và|hoặc|hay|cùng|gây|do|kết hợp|bởi))(?!\w)|(?P<comma>(?<!\S),(?!\S))|(?P<doubt>\?)|(?P<join2>\+|&)"
)
_OUT_OF_SIGHT = re.compile(r"rõ|(?:thấy|quan sát) được")
_NO_LESION = re.compile(rf"{NO} (?:gì )?(?:các )?(?:điều )?(?:tổn thương|bất thường)")
_SUBJECT = re.compile(
    r"(?:bóng|tim|quai|cung|động mạch chủ|rốn|vòm|cơ hoành|trung thất|khí quản|góc|cột sống|chỉ số|hình tim|diện tim)(?!\w)"
)
_SIDELESS = frozenset(
    {
        Finding.CARDIOMEGALY, Finding.HEART_FAILURE, Finding.AORTIC_ENLARGEMENT, Finding.AORTIC_CALCIFICATION, Finding.ABNORMALITY,
        Finding.STERNAL_WIRES, Finding.PROSTHETIC_VALVE,
    }
)  # fmt: skip
_OWN_SIDE_ONLY = _SIDELESS | {
    Finding.MEDIASTINAL_SHIFT, Finding.MEDIASTINAL_WIDENING, Finding.SCOLIOSIS, Finding.SPINAL_DEGENERATION, Finding.BONE_LESION,
    Finding.PULMONARY_ARTERY_ENLARGEMENT, Finding.COPD,
} | {finding for finding in Finding if finding.is_device}  # fmt: skip
_ORDER = list(Finding)
_SHADOWS = frozenset(_ORDER[: _ORDER.index(Finding.PNEUMONIA)])
_LUNGS = frozenset(_ORDER[: _ORDER.index(Finding.EFFUSION)])
_PLEURA = frozenset({Finding.EFFUSION, Finding.PNEUMOTHORAX, Finding.PLEURAL_THICKENING})
_FRACTURES = frozenset({Finding.RIB_FRACTURE, Finding.CLAVICLE_FRACTURE, Finding.BONE_LESION})
# What a list goes on with that begins with "no lesion of the lungs", "no lesion of the bones".
_LESIONS = {Finding.LUNG_LESION: _SHADOWS | _PLEURA, Finding.BONE_LESION: _FRACTURES}
_PLACE = re.compile(r"(?<!\w)(?:phổi|sườn|đòn|xương)(?!\w)")
_OWN_LOCATION = {
    Finding.HILAR_ENLARGEMENT: frozenset({Location.HILUM}),
    Finding.EFFUSION: frozenset({Location.BASE}),
}


class _Kind(Enum):
    NEGATIVE = auto()
    UNCERTAIN = auto()
    DOUBT = auto()
    SAME = auto()
    POSITIVE = auto()
    BUT = auto()
    JOIN = auto()
    COMMA = auto()


@dataclass(frozen=True, slots=True)
class _Cue:
    start: int
    end: int
    kind: _Kind


@dataclass(slots=True)
class _Phrase:
    """The findings and attributes between two cues; `opened_by` is the cue before it."""

    opened_by: _Cue | None
    start: int
    mentions: list[Mention]
    attributes: list[Attribute]


def read_clause(clause: str) -> list[Mention]:
    """Read what one clause states, in reading order."""
    clause = _ASIDE.sub(lambda found: " " * len(found[0]), clause)
    mentions = find_mentions(clause)
    if not mentions:
        return []
    attributes = find_attributes(clause)
    cues = _find_cues(clause, mentions, attributes)
    phrases = _phrases(mentions, attributes, cues)
    _attach(phrases)
    _distribute_sides(clause, phrases)
    return _judge(clause, phrases)


def _find_cues(clause: str, mentions: list[Mention], attributes: list[Attribute]) -> list[_Cue]:
    """Name the words that open, bend or end a phrase, but for those inside a mention or an attribute."""
    inside = bytearray(len(clause))
    spans = [(mention.start, mention.end) for mention in mentions] + [(word.start, word.end) for word in attributes]
    for start, end in spans:
        inside[start:end] = b"\1" * (end - start)
    return [
        _Cue(found.start(), found.end(), _Kind[(found.lastgroup or "").upper().rstrip("2")])
        for found in _CUES.finditer(clause)
        if not inside[found.start()]
    ]


def _phrases(mentions: list[Mention], attributes: list[Attribute], cues: list[_Cue]) -> list[_Phrase]:
    phrases = [_Phrase(None, 0, [], [])] + [_Phrase(cue, cue.end, [], []) for cue in cues]
    starts = [0] + [cue.end for cue in cues]
    for spans, name in ((mentions, "mentions"), (attributes, "attributes")):
        index = 0
        for span in spans:
            while index + 1 < len(starts) and starts[index + 1] <= span.start:
                index += 1
            getattr(phrases[index], name).append(span)
    return phrases


def _attach(phrases: list[_Phrase]) -> None:
    """Give each attribute to the mention it stands in or behind, else to the one it stands before."""
    waiting: list[Attribute] = []
    last: Mention | None = None
    for phrase, after in zip_longest(phrases, phrases[1:]):
        if not phrase.mentions:
            kind = _kind(phrase)
            is_afterthought = last is not None and kind in (_Kind.COMMA, _Kind.SAME)
            if (
                is_afterthought
                and last is not None
                and all(_is_free(last, attribute) for attribute in phrase.attributes)
            ):
                for attribute in phrase.attributes:
                    _give(last, attribute)
            elif not (kind is _Kind.NEGATIVE and _kind(after) is _Kind.COMMA):
                # "Không thấy rõ vòm hoành trái, ..." says nothing of where the next finding is.
                waiting += phrase.attributes
            continue
        for attribute in (*waiting, *phrase.attributes):
            behind = [mention for mention in phrase.mentions if mention.start <= attribute.start and attribute.end > 0]
            is_before = attribute in waiting or not behind
            _give(phrase.mentions[0] if is_before else behind[-1], attribute)
        waiting, last = [], phrase.mentions[-1]


def _kind(phrase: _Phrase | None) -> _Kind | None:
    return phrase.opened_by.kind if phrase and phrase.opened_by else None


def _slot(attribute: Attribute) -> str:
    return type(attribute.value).__name__.lower()


def _is_free(mention: Mention, attribute: Attribute) -> bool:
    return getattr(mention, _slot(attribute)) is None


def _give(mention: Mention, attribute: Attribute) -> None:
    is_inside = mention.start <= attribute.start and attribute.end <= mention.end
    value = attribute.value
    if value in _OWN_LOCATION.get(mention.finding, ()) or (isinstance(value, Side) and mention.finding in _SIDELESS):
        return
    if is_inside and value is Severity.SEVERE and mention.finding in _SIDELESS:
        return
    if mention.is_normality and not isinstance(value, Side):
        return
    if _is_free(mention, attribute):
        setattr(mention, _slot(attribute), value)
    elif isinstance(value, Side) and mention.side is not value:
        mention.side = Side.BILATERAL if mention.side is not None and not mention.is_normality else mention.side


def _distribute_sides(clause: str, phrases: list[_Phrase]) -> None:
    """Give the side at a list's end to the items before it, and a leading side to those after it."""
    lists: list[list[Mention]] = [[]]
    are_negated = [False]
    for phrase in phrases:
        kind = _kind(phrase)
        if kind not in (_Kind.COMMA, _Kind.JOIN, _Kind.SAME):
            lists.append([])
            are_negated.append(kind is _Kind.NEGATIVE)
        lists[-1] += phrase.mentions
    for items, is_negated in zip(lists, are_negated, strict=True):
        side: Side | None = None
        for item, after in reversed(list(zip_longest(items, items[1:]))):
            if item.finding in _OWN_SIDE_ONLY or item.is_normality:
                side = None
            elif is_negated and side is not Side.BILATERAL and after and _is_closed(clause, item, after):
                side = item.side
            elif item.side is None:
                item.side = side
            else:
                # An amount tells one item: "không tràn khí, tràn dịch trái lượng ít" says nothing of where no air is.
                side = None if is_negated and item.severity is not None else item.side


def _is_closed(clause: str, item: Mention, after: Mention) -> bool:
    """Whether a negated list ends here: the place is named, and behind a comma follows something of another region."""
    if any({item.finding, after.finding} <= region for region in (_LUNGS, _PLEURA, _FRACTURES)):
        return False
    return "," in clause[item.end : after.start] and _PLACE.search(clause, item.start, item.end) is not None


def _judge(clause: str, phrases: list[_Phrase]) -> list[Mention]:
    """Carry negation and uncertainty from phrase to phrase and give each mention its polarity."""
    judged: list[Mention] = []
    listed: list[Mention] = []
    polarity, is_past_comma, is_unseen = Polarity.PRESENT, False, False
    for index, phrase in enumerate(phrases):
        cue, kind = phrase.opened_by, _kind(phrase)
        if kind is _Kind.BUT or (kind is _Kind.POSITIVE and is_past_comma):
            polarity, listed = Polarity.PRESENT, []
        elif cue is not None and kind in (_Kind.NEGATIVE, _Kind.UNCERTAIN, _Kind.DOUBT):
            if _looks_back(clause, phrases, index) and judged:
                _look_back(judged, phrases, index, kind)
                continue
            if not (kind is _Kind.UNCERTAIN and polarity is Polarity.ABSENT and not is_past_comma):
                polarity, listed = (Polarity.ABSENT if kind is _Kind.NEGATIVE else Polarity.UNCERTAIN), []
                is_unseen = _OUT_OF_SIGHT.search(clause, cue.start, cue.end) is not None
        is_past_comma = kind is _Kind.COMMA or (is_past_comma and kind is _Kind.JOIN)
        if kind in (_Kind.COMMA, _Kind.JOIN) and (denied := _denied_before(clause, phrases[index - 1])):
            polarity, listed, is_past_comma = Polarity.ABSENT, [denied], True
        for position, mention in enumerate(phrase.mentions):
            if position == 0 and is_past_comma and _is_new_statement(clause, mention, listed, is_unseen):
                polarity, listed = Polarity.PRESENT, []
            mention.polarity = Polarity.ABSENT if mention.is_normality else polarity
            judged.append(mention)
            if not mention.is_normality:
                listed.append(mention)
    return judged


def _denied_before(clause: str, phrase: _Phrase) -> Mention | None:
    """Give the "no lesion" at a phrase's end, whose negation a list may go on with."""
    last = phrase.mentions[-1] if phrase.mentions else None
    if last is None or not last.is_normality or last.finding not in _LESIONS:
        return None
    return last if _NO_LESION.search(clause, last.start, last.end) else None


def _looks_back(clause: str, phrases: list[_Phrase], index: int) -> bool:
    """Whether a cue stands behind its finding ("tràn dịch: không", "viêm phổi?")."""
    cue = phrases[index].opened_by
    if cue is None or phrases[index].mentions or not phrases[index - 1].mentions:
        return False
    if cue.kind is _Kind.UNCERTAIN and "trừ" not in clause[cue.start : cue.end]:
        return False
    end = phrases[index + 1].opened_by if index + 1 < len(phrases) else None
    return not re.search(r"\w", clause[cue.end : end.start if end else len(clause)])


def _look_back(judged: list[Mention], phrases: list[_Phrase], index: int, kind: _Kind) -> None:
    num_back = 1 if kind is _Kind.DOUBT else len(phrases[index - 1].mentions)
    for mention in judged[-num_back:]:
        mention.polarity = Polarity.ABSENT if kind is _Kind.NEGATIVE else Polarity.UNCERTAIN


def _is_new_statement(clause: str, mention: Mention, listed: list[Mention], is_unseen: bool) -> bool:
    """Whether a finding after a comma says something of its own instead of going on with the list.

    The list is empty where the words before tell no finding; `is_unseen` where they say that something is not clear.
    """
    if is_unseen and not listed:
        return True
    if _SUBJECT.match(clause, mention.start) and (not listed or mention.start > listed[-1].end):
        return True
    if listed and listed[-1].is_normality and mention.finding not in _LESIONS[listed[-1].finding]:
        return True
    if mention.finding.is_device and listed and not listed[-1].finding.is_device:
        return True
    if mention.severity is not None and all(item.severity is None for item in listed):
        return True
    if mention.location is not None and all(item.location is None for item in listed):
        return True
    is_one_sided = mention.side in (Side.RIGHT, Side.LEFT)
    return is_one_sided and all(item.side is None or item.is_normality for item in listed)
