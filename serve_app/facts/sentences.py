"""A text's sentences and their clauses, read one by one; what a sentence states twice becomes one fact."""

import re
from collections.abc import Iterator

from serve_app.domain.facts import Fact, LocatedFact
from serve_app.facts.cues import find_cues
from serve_app.facts.mentions import Mention, find_attributes, find_mentions
from serve_app.facts.phrases import attach, distribute_sides, split_phrases
from serve_app.facts.polarity import judge
from serve_app.facts.text import HEADS, Normalised

_SENTENCE_END = re.compile(r"\n|[!]|\.(?!\d)|(?<!\d)\.")
_CLAUSE_END = re.compile(r";|=>|->|→| [-–—] |(?<=\?)")
# What is not said of this film. A head with a colon rules its sentence, other words their part of it, a condition all
# behind it; unless the film comes back.
_FILM = r"(?=(?<!\w)(?:hiện|nay|hình ảnh|x quang|phim|kết quả|kết luận|mô tả)(?!\w)|$)"
_CHEST = r"(?=, (?:hai|phổi|bóng|tim|nhu mô|không|chưa|thấy)(?!\w))"
_ACTS = "chụp|chọc|đặt|làm|kiểm tra|đối chiếu|kết hợp|hội chẩn|mở|điều trị|xét nghiệm|loại trừ"
_ASIDE = re.compile(
    # Indications and advice under a head; indications at the beginning of a sentence.
    rf"(?<!\w)(?:(?:{HEADS})§|^ ?(?:lâm sàng|chỉ định|lý do)(?!\w)).*?{_FILM}"
    # History.
    rf"|(?<!\w)(?:tiền sử|tiền căn|bệnh sử)(?!\w)[^;]*?(?:{_CHEST}|{_FILM})"
    rf"|(?<!\w)(?:(?:vào|nhập) viện(?: vì| do)?|đến khám (?:vì|do))(?!\w).*?{_FILM}"
    r"|(?<!\w)(?:phim|lần|x quang)(?: chụp)? (?:cũ|trước)(?!\w)[^,;]*? (?:có|thấy|ghi nhận)(?!\w)[^,;]*"
    r"|(?<!\w)sau (?:khi )?(?:chọc|hút|điều trị|cắt|(?:mổ|phẫu thuật) (?:cắt|bóc))(?!\w)[^,;]*"
    # Advice.
    rf"|(?<!\w)(?:đề nghị|khuyến nghị|đề xuất|kiến nghị)(?!\w)[^,;]*(?:, (?:{_ACTS})(?!\w)[^,;]*)*"
    rf"|(?<!\w)(?:cần|nên) (?:được )?(?:{_ACTS})(?<!loại trừ)(?!\w).*"
    r"|(?<!\w)(?:hẹn|tái khám|chụp lại|kỹ thuật|lâm sàng (?:có|nghi))(?!\w)[^,;]*"
    # What something is compared with.
    r"|(?<=hơn )(?:so với )?(?:(?:bên|phổi|vòm hoành|cơ hoành) )+(?:phải|trái)(?!\w)"
    # Conditions.
    r"|(?<!\w)(?:nếu|trong trường hợp)(?!\w).*"
)


def read_sentences(normalised: Normalised) -> Iterator[LocatedFact]:
    """Read the facts of each sentence in reading order."""
    for start, sentence in _parts(_SENTENCE_END, normalised.text):
        merged: list[LocatedFact] = []
        for stated in _read_sentence(normalised, start, sentence):
            _merge(merged, stated)
        yield from merged


def _parts(end: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for match in end.finditer(text):
        yield start, text[start : match.start()]
        start = match.end()
    yield start, text[start:]


def _read_sentence(normalised: Normalised, start: int, sentence: str) -> Iterator[LocatedFact]:
    said = _ASIDE.sub(lambda found: " " * len(found[0]), sentence)
    for offset, clause in _parts(_CLAUSE_END, said):
        clause_start = start + offset + len(clause) - len(clause.lstrip())
        for mention in _read_clause(clause.strip()):
            place = normalised.original(clause_start + mention.start, clause_start + mention.end)
            yield LocatedFact(mention.fact, normalised.original(start, start + len(sentence)), (place,))


def _read_clause(clause: str) -> list[Mention]:
    mentions = find_mentions(clause)
    if not mentions:
        return []
    attributes = find_attributes(clause)
    cues = find_cues(clause, [*mentions, *attributes])
    attributes = [each for each in attributes if not any(cue.start <= each.start < cue.end for cue in cues)]
    phrases = split_phrases(mentions, attributes, cues)
    attach(clause, phrases)
    distribute_sides(clause, phrases)
    return judge(clause, phrases)


def _merge(merged: list[LocatedFact], stated: LocatedFact) -> None:
    """Add a fact, or join it to one that states the same finding with more or with less detail."""
    for index, other in enumerate(merged):
        if _is_same_statement(stated.fact, other.fact):
            fact = _joined(stated.fact, other.fact)
            merged[index] = LocatedFact(fact, other.sentence, other.mentions + stated.mentions)
            return
    merged.append(stated)


def _is_same_statement(one: Fact, other: Fact) -> bool:
    pairs = ((one.side, other.side), (one.location, other.location), (one.severity, other.severity))
    return (one.finding, one.polarity) == (other.finding, other.polarity) and all(
        left is None or right is None or left == right for left, right in pairs
    )


def _joined(one: Fact, other: Fact) -> Fact:
    side, location, severity = one.side or other.side, one.location or other.location, one.severity or other.severity
    return Fact(one.finding, one.polarity, side, location, severity)
