"""What the words of a section show without being understood: not a report, or a comparison with nothing."""

import re
import unicodedata
from collections.abc import Iterator

from serve_app.domain.report import Concern, ConcernCode, Place, Section, SectionName, SectionStatus
from serve_app.reasoning.prompts import PROMPTS

_EXAMINATION = r"(?:phim|ảnh|hình ảnh|lần|kết quả|x-? ?quang)"
_EARLIER = r"(?:cũ|trước|hôm qua|gần đây|ngày \d|(?:tháng|tuần|năm) trước)"
# Of the other side, or of what is normal: no earlier film is needed to say so.
_SAME_FILM = "(?:bên|phổi|tim|đối|bình thường|mô|nền|xung quanh)"
# "Tổn thương tiến triển" and "lao tiến triển" are active disease, "lao cũ" and "gãy xương cũ" are old lesions: neither
# compares.
_COMPARISONS = (
    # With what is compared.
    rf"so với (?!{_SAME_FILM})(?:các |những )?[\w/]+",
    rf"(?:đối chiếu|so sánh)(?: với)? (?:các |những )?(?:{_EXAMINATION}|trước)",
    rf"{_EXAMINATION} (?:chụp |khám |kiểm tra )?{_EARLIER}",
    r"như (?:cũ|trước|(?:các |những )?phim|lần)",
    r"(?:hôm|tháng|tuần|năm) trước|trước đây|lần này",
    # How it has changed, or that it has not.
    r"(?:không|ít|chưa|có|đã)(?: thấy| gì| sự| xu hướng)* (?:thay đổi|biến đổi|tiến triển|giảm|cải thiện)(?! bất)",
    r"tiến triển (?:hơn|tốt|xấu|nhanh|chậm|thêm|nặng|so)",
    r"(?:giảm|tăng|lớn|nhỏ|to|xấu|tốt|nhiều|ít|rộng|nặng|nhẹ|mờ) (?:hơn|thêm|dần|bớt)"
    rf"(?! (?:{_SAME_FILM}|ở|\d))",
    r"giảm (?:đi|rõ|rõ rệt|nhiều|ít|nhẹ|một phần)(?! thể tích)|tăng lên",
    r"thuyên giảm|cải thiện|thoái triển|thoái lui|hấp thu|thu nhỏ|ổn định|diễn tiến|diễn biến",
    r"không còn|vẫn còn|mới xuất hiện|xuất hiện mới|đã (?:hết|tan|mất|tăng|nở)",
)
_PRIOR = re.compile("|".join(rf"\b(?:{words})\b" for words in _COMPARISONS), re.IGNORECASE)
# A report speaks of the film: neither of who writes nor to who reads.
_ADDRESS = re.compile(
    r"\b(?:tôi|bạn|xin lỗi|xin chào|rất tiếc|vui lòng|cảm ơn|mô hình ngôn ngữ|trợ lý|với tư cách)\b"
    r"|\b(?:sorry|unable to|cannot|as an ai|language model)\b|\bhãy (?:gặp|đến|hỏi|liên hệ|tham khảo|cung cấp)\b",
    re.IGNORECASE,
)
_QUESTIONS = [prompt.findings.rpartition(". ")[2] for prompt in PROMPTS.values()]
_QUESTIONS += [prompt.impression for prompt in PROMPTS.values()]
# A question of ours, a chat template's tokens, another format's brackets.
_ECHO = re.compile(
    "|".join(
        [r"<\|[^\n]*\|>", r"<\|", r"[{}]|```", r"ảnh chụp x-ray"]
        + [re.escape(asked.rstrip("?")) + r"\??" for asked in _QUESTIONS]
    ),
    re.IGNORECASE,
)
# Letters of other alphabets, from Greek to Hangul; Latin Extended Additional (U+1E00) is Vietnamese.
_FOREIGN_SCRIPT = re.compile("[\u0370-\u1dff\u3040-\u30ff\u3400-\u9fff\ua960-\ufaff]+")
_SENTENCE = re.compile(r"[^\s.!?;][^\n.!?;]*[.!?;]?")
_WORD = re.compile(r"[^\W\d_]{2,}")
_VOWEL = re.compile("[aeiouy]")
# Onset, vowels, coda: what a Vietnamese syllable is without its marks.
_SYLLABLE = re.compile(
    "(?:ngh?|gh?|gi|kh?|nh?|ph|qu|th?|tr|ch?|[bdlmrsvxh])?[aeiouy]{1,3}(?:ng|nh|ch|[cmnpt])?",
)
# Of so many words most are syllables in Vietnamese; what has no vowel is an abbreviation.
_MIN_WORDS, _MIN_SYLLABLE_RATIO = 3, 0.5


def wording_concerns(
    name: SectionName, section: Section, *, is_read: bool, has_prior: bool, drawn_from: SectionStatus
) -> Iterator[Concern]:
    """Find what needs no understanding of the facts.

    Args:
        name: which section it is.
        section: the section.
        is_read: whether any fact was read in it.
        has_prior: whether the study holds something to compare with.
        drawn_from: the status of the section before it.
    """
    whole = (0, len(section.text))
    text = unicodedata.normalize("NFC", section.text)
    passages = [(ConcernCode.NOT_A_REPORT, passage) for passage in _strange_passages(text)]
    if not passages and not is_read and section.items:
        passages = [(ConcernCode.NOT_UNDERSTOOD, whole)]
    if not has_prior:
        passages += [(ConcernCode.PRIOR_MENTIONED, found.span()) for found in _PRIOR.finditer(text)]
    if section.status is not SectionStatus.COMPLETE:
        passages.append((ConcernCode.SECTION_INCOMPLETE, whole))
    if drawn_from is not SectionStatus.COMPLETE:
        passages.append((ConcernCode.DRAWN_FROM_INCOMPLETE, whole))
    for code, passage in passages:
        # Recomposed letters have other positions: then the whole section is named.
        yield Concern(code, Place(name, *(passage if text == section.text else whole)))


def _strange_passages(text: str) -> Iterator[tuple[int, int]]:
    for pattern in (_ADDRESS, _ECHO, _FOREIGN_SCRIPT):
        yield from (found.span() for found in pattern.finditer(text))
    yield from (sentence.span() for sentence in _SENTENCE.finditer(text) if _is_another_language(sentence[0]))


def _is_another_language(sentence: str) -> bool:
    words = [_bare(word) for word in _WORD.findall(sentence)]
    words = [word for word in words if _VOWEL.search(word)]
    num_syllables = sum(1 for word in words if _SYLLABLE.fullmatch(word))
    return len(words) >= _MIN_WORDS and num_syllables < _MIN_SYLLABLE_RATIO * len(words)


def _bare(word: str) -> str:
    """Take the marks from a word's letters."""
    letters = unicodedata.normalize("NFD", word.casefold().replace("đ", "d"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
