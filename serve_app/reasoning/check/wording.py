"""What the words of a section show without being understood: not a report, or a comparison with nothing."""

import re
import unicodedata
from collections.abc import Iterator

from serve_app.domain.report import Concern, ConcernCode, Place, Section, SectionName, SectionStatus
from serve_app.reasoning.prompts import PROMPTS

# Comparisons with an earlier examination. "Lao cũ" and "gãy xương cũ" are old lesions, not old films.
_PRIOR = re.compile(
    r"so với (?:các |những )?(?:phim|ảnh|hình|lần|kết quả|trước|cũ|\d)"
    r"|(?:phim|ảnh|hình ảnh|lần) (?:chụp )?(?:cũ|trước)\b"
    r"|(?:không|ít|chưa|có) (?:thấy )?(?:thay đổi|tiến triển)\b"
    r"|(?:cải thiện|giảm|tăng|lớn|xấu|tốt|thoái triển) (?:hơn|đi|lên|dần)\b(?! \d)"
    r"|\b(?:mới xuất hiện|trước đây|lần này)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"xin lỗi|rất tiếc|tôi (?:không|chưa) thể|tôi là (?:một )?(?:mô hình|trợ lý)|với tư cách"
    r"|\b(?:sorry|unable to|cannot|as an ai|language model)\b",
    re.IGNORECASE,
)
_ECHO = re.compile(
    "|".join(
        [r"<\|", r"ảnh chụp x-ray"]
        + [re.escape(prompt.findings.rpartition(". ")[2]) for prompt in PROMPTS.values()]
        + [re.escape(prompt.impression) for prompt in PROMPTS.values()]
    ),
    re.IGNORECASE,
)
# Letters that Vietnamese does not use: Chinese, Japanese, Korean, Cyrillic, Thai, Arabic.
_FOREIGN_SCRIPT = re.compile("[\u0400-\u04ff\u0600-\u06ff\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_LINE = re.compile(r"[^\n]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_VIETNAMESE = re.compile(r"[ăâđêôơưàáạảãằắặẳẵầấậẩẫèéẹẻẽềếệểễìíịỉĩòóọỏõồốộổỗờớợởỡùúụủũừứựửữỳýỵỷỹ]", re.IGNORECASE)
# Of so many words in Vietnamese, nearly half have a mark; abbreviations and Latin names have none.
_MIN_WORDS, _MIN_MARKED_RATIO = 4, 0.15


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
    for pattern in (_REFUSAL, _ECHO, _FOREIGN_SCRIPT):
        yield from (found.span() for found in pattern.finditer(text))
    yield from (line.span() for line in _LINE.finditer(text) if _is_another_language(line[0]))


def _is_another_language(line: str) -> bool:
    words = _WORD.findall(line)
    marked = sum(1 for word in words if _VIETNAMESE.search(word))
    return len(words) >= _MIN_WORDS and marked < _MIN_MARKED_RATIO * len(words)
