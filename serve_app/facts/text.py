"""A report's words in one spelling: NFC, small letters, one placement of tone marks, abbreviations written out.

Knows how Vietnamese radiologists spell, not what their words mean. Commas come out as words of their own.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from serve_app.domain.facts import TextRange
from serve_app.facts.bare import SENTENCE, with_diacritics

_FLAT = dict(zip("àáảãạèéẻẽẹòóỏõọùúủũụỳýỷỹỵ", "a" * 5 + "e" * 5 + "o" * 5 + "u" * 5 + "y" * 5, strict=True))
_TONES = {vowel: vowels for vowels in ("àáảãạ", "èéẻẽẹ", "òóỏõọ", "ùúủũụ", "ỳýỷỹỵ") for vowel in vowels}
_ROW = {"a": "àáảãạ", "e": "èéẻẽẹ", "o": "òóỏõọ", "u": "ùúủũụ", "y": "ỳýỷỹỵ"}
# An open syllable bears its tone on the first vowel ("hòa"), a closed one on the second ("toàn"); "qu" is a consonant.
_OPEN = re.compile(r"(?:(o)([àáảãạèéẻẽẹ])|(?<!q)(u)([ỳýỷỹỵ]))(?!\w)")
_CLOSED = re.compile(r"([òóỏõọ])([ae])(?=\w)")

_OTHER_SIDE = {"phải": "trái", "trái": "phải"}
_SIDE = re.compile(r"\b(?:phải|trái)\b")

# What heads a part of a report that is not about the film; the colon behind one becomes "§".
HEADS = (
    "lâm sàng|ls|cđls|thông tin lâm sàng|triệu chứng|chỉ định(?: chụp)?|yêu cầu|mục đích|"
    "lý do(?: chụp| khám| vào viện| chỉ định)?|tiền sử|ts|tiền căn|bệnh sử|kỹ thuật|"
    "(?<!với )(?<!sánh )phim (?:cũ|trước)|"
    "(?:chẩn đoán|cđ) (?:lâm sàng|sơ bộ|ban đầu|vào viện|tuyến (?:trước|dưới))|"
    "đề nghị|khuyến nghị|khuyến cáo|tư vấn|đề xuất|kiến nghị|lời dặn|hướng xử trí"
)
# English words that stand in Vietnamese sentences.
_LOANWORDS: tuple[tuple[str, str], ...] = (
    ("(?:pleural )?effusion", "tràn dịch"),
    ("subcutaneous emphysema", "tràn khí dưới da"),
    ("pneumothorax", "tràn khí màng phổi"),
    ("pneumomediastinum", "tràn khí trung thất"),
    ("pneumoperitoneum", "hơi tự do dưới hoành"),
    ("consolidations?", "đông đặc"),
    ("atelectasis|collapse", "xẹp phổi"),
    ("infiltrat(?:es?|ions?)", "thâm nhiễm"),
    ("pulmonary nodules?|nodules?", "nốt"),
    ("mass(?:es)?", "khối"),
    ("cavit(?:y|ies)", "hang"),
    ("opacit(?:y|ies)", "đám mờ"),
    ("ggo|ground[ -]glass(?: opacit(?:y|ies))?", "kính mờ"),
    ("cardiomegaly", "tim to"),
    ("fibrosis", "xơ phổi"),
    ("emphysema", "khí phế thũng"),
    ("bronchiectas[ie]s", "giãn phế quản"),
    ("pneumonia", "viêm phổi"),
    ("(?:pulmonary )?o?edema|oap", "phù phổi"),
    ("lymphadenopathy", "hạch to"),
    ("rib fractures?", "gãy xương sườn"),
    ("ett", "ống nội khí quản"),
    ("ng ?(?:tube|t)", "ống thông dạ dày"),
    ("chest (?:tube|drain)", "ống dẫn lưu màng phổi"),
    ("right", "phải"),
    ("left", "trái"),
    ("bilateral", "hai bên"),
)
_LOANWORD = "|".join(words for words, _ in _LOANWORDS)

_SPELLINGS: tuple[tuple[str, str], ...] = (
    (r"\bx[ -]?(?:quang|ray)\b|\bxq\b", "x quang"),
    (rf"\b(?:no|without)\b(?: evidence of)?(?= (?:{_LOANWORD})\b)", "không"),
    *((rf"\b(?:{words})\b", vietnamese) for words, vietnamese in _LOANWORDS),
    (r"\bk\.?p\.?q\b|\bkhí phế quản\b", "khí quản"),
    (r"\bhc(?= \w)", "hội chứng"),
    (r"\bx\.? ?s(?:ườn)?(?= [\dptb])", "xương sườn"),
    (r"\bxđ\b", "xương đòn"),
    (r"\btmmp\b", "tràn máu màng phổi"),
    (r"\bđđ\b", "đông đặc"),
    (r"\btt(?= (?:không|chưa|bị|lệch|cân|rộng|giãn|trên)\b)", "trung thất"),
    (r"\bkq(?= (?:không|chưa|bị|lệch|ở|nằm)\b)", "khí quản"),
    (r"\bbt\b", "bình thường"),
    (r"\bt/l?n\b", "tim/lồng ngực"),
    (r"(?<=sonde |thông )dd\b", "dạ dày"),
    (r"\bp/t\b|\bt/p\b", "hai bên"),
    (r"\b2(?=(?:bên|phổi|phế|đáy|đỉnh)\b)", "hai "),
    (r"\bmkq\b", "mở khí quản"),
    (r"\btkdd\b", "tràn khí dưới da"),
    (r"\btktt\b", "tràn khí trung thất"),
    (r"\bkpt\b", "khí phế thũng"),
    (r"\bgpq\b", "giãn phế quản"),
    (r"\bnmp\b", "nhu mô phổi"),
    (r"\bdlmp\b", "dẫn lưu màng phổi"),
    (r"\bodl\b", "ống dẫn lưu"),
    (r"\b[ck]at(?:h?e|he)?(?:r?th?er|ter)\b", "catheter"),
    (r"\bđ[./]?m[./]?c\b|\bđm chủ\b|\bđ[./]m\.? chủ", "động mạch chủ"),
    (r"\btal ?đmp\b", "tăng áp lực động mạch phổi"),
    (r"\bqđmc\b", "quai động mạch chủ"),
    (r"\bcst(?:l?n|tln)\b", "chỉ số tim lồng ngực"),
    (r"\bđmp\b", "động mạch phổi"),
    (r"\bđ[./]?m\b\.?", "động mạch"),
    (r"\btmtt\b|\btm trung tâm\b", "tĩnh mạch trung tâm"),
    (r"\btdmp\b|\btd (?:khoang )?mp\b|\btd màng phổi\b", "tràn dịch màng phổi"),
    (r"\btkmp\b|\btk (?:khoang )?mp\b|\btk màng phổi\b", "tràn khí màng phổi"),
    (r"\btd ?[-,&+/] ?tkmp\b", "tràn dịch , tràn khí màng phổi"),
    (r"\bk\.?mp\b", "khoang màng phổi"),
    (r"\bmp\b", "màng phổi"),
    (r"\b[gc]sh\b", "góc sườn hoành"),
    (r"\bsườn[ -]?hoành\b", "sườn hoành"),
    (r"\bvpqp\b", "viêm phế quản phổi"),
    (r"\bvpq\b", "viêm phế quản"),
    (r"\bvp\b", "viêm phổi"),
    (r"\bpq\b", "phế quản"),
    (r"\bnkq\b", "ống nội khí quản"),
    (r"\b(?:bpt?tnmt|copd)\b", "copd"),
    (r"\bt/ ?d\b|\btd\b\.?|\btheo giõi\b", "theo dõi"),
    (r"\b(?:ko|kg|khg|hk|k0|k(?= (?:to|lớn|thấy|có|còn|rõ|tràn|gãy|giãn|lệch)\b))\b", "không"),
    (r"\bd[ầà]y\b", "dày"),
    (r"\b(?:dãn|giản)\b", "giãn"),
    (r"\b(?:can ?xi|calci) hóa\b", "vôi hóa"),
    (r"\bvòng ?(?=động mạch chủ)", "vồng "),
    (r"\bxung huyết\b", "sung huyết"),
    (r"\bđộng mạch chủ[ -]+đmc\b", "động mạch chủ"),
    (r"\bcardiac index\b", "chỉ số tim"),
    (
        r"\b(?:cả )?(?:2|hai)"
        # A rib's number before its side is no pair.
        r"(?= bên(?! (?:phải|trái|p|t)\b)"
        r"| phổi| phế| trường| đáy| đỉnh| rốn| vòm| hoành| góc| nền| hạ| vùng| màng| thùy| nửa| túi)",
        "hai",
    ),
    (r"\bkhông phải (?:là )?không(?: có| thấy)*\b", "có"),
    (r"\bkhông phải\b", "không"),
    (r"(?<!tràn )\bdịch(?: ?, ?| ?/ ?| và | hay | hoặc )(?:tràn )?khí\b", "tràn dịch , tràn khí"),
    # Fluid and air, in one word.
    (
        r"\b(?:tràn (?:dịch[ -]*khí|khí[ -]*dịch)"
        r"|mức (?:nước|dịch)[ -]*(?:hơi|khí)(?= (?:ở |trong )?(?:khoang )?màng))\b",
        "tràn dịch , tràn khí",
    ),
    # Their full stop may end the sentence, and with it a negation: it stays.
    (r"\bp\b", "phải"),
    (r"\bt\b", "trái"),
    # "A little on the right, none on the left".
    (r"(?<=, phải |, trái )không(?= ?(?:[.;\n]|$))", "bình thường"),
)


@dataclass(frozen=True, slots=True)
class Normalised:
    """A text in one spelling; `origins[i]` is the range of the original text that character i was written for."""

    text: str
    origins: list[TextRange]

    def original(self, start: int, end: int) -> TextRange:
        """Find where the words between `start` and `end` stand in the original text, without blanks around them."""
        words = self.text[start:end]
        first, last = end - len(words.lstrip()), start + len(words.rstrip()) - 1
        return self.origins[first][0], self.origins[last][1]

    def rewritten(self, pattern: re.Pattern[str], words: str | Callable[[re.Match[str]], str]) -> "Normalised":
        """Replace every match; where the length changes, each new character stands for all that was replaced."""
        parts: list[str] = []
        origins: list[TextRange] = []
        end = 0
        for match in pattern.finditer(self.text):
            new = words if isinstance(words, str) else words(match)
            replaced = self.origins[match.start() : match.end()]
            parts += self.text[end : match.start()], new
            origins += self.origins[end : match.start()]
            origins += replaced if len(new) == len(replaced) else [(replaced[0][0], replaced[-1][1])] * len(new)
            end = match.end()
        return Normalised("".join([*parts, self.text[end:]]), origins + self.origins[end:]) if end else self


def normalise(text: str) -> Normalised:
    """Write a text in the one spelling that the lexicon knows; sentence ends and line breaks stay."""
    starts = [index for index, letter in enumerate(text) if index == 0 or not _joins_the_letter_before(letter)]
    letters = [(_folded(text[start:end]), (start, end)) for start, end in pairwise([*starts, len(text)])]
    normalised = Normalised(
        "".join(folded for folded, _ in letters), [origin for folded, origin in letters for _ in folded]
    )
    for pattern, words in _PASSES:
        normalised = normalised.rewritten(pattern, words)
    return normalised


def _joins_the_letter_before(character: str) -> bool:
    """Whether Unicode may compose it with what precedes it: marks, and the vowels and finals of Hangul."""
    if character < "\u0300":
        return False
    return unicodedata.category(character).startswith("M") or "\u1160" <= character <= "\u11ff"


@lru_cache(maxsize=4096)
def _folded(letter: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", letter).casefold())


def one_tone_placement(text: str) -> str:
    """Write "hoà" as "hòa" and "thuỳ" as "thùy": two spellings of one syllable. Small letters in NFC only."""
    return _CLOSED.sub(_second_vowel, _OPEN.sub(_first_vowel, text))


def _first_vowel(found: re.Match[str]) -> str:
    glide, vowel = (found[1], found[2]) if found[1] else (found[3], found[4])
    return _ROW[glide][_TONES[vowel].index(vowel)] + _FLAT[vowel]


def _second_vowel(found: re.Match[str]) -> str:
    return "o" + _ROW[found[2]][_TONES[found[1]].index(found[1])]


def _side_before(found: re.Match[str]) -> str:
    """Name the side of "on the same side", "on the other side": the last that was named."""
    sides = _SIDE.findall(found.string, 0, found.start())
    if not sides:
        return found[0]
    return sides[-1] if found[0] == "cùng bên" else _OTHER_SIDE[sides[-1]]


_PASSES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (SENTENCE, with_diacritics),
    (_OPEN, _first_vowel),
    (_CLOSED, _second_vowel),
    (re.compile("\r"), "\n"),
    (re.compile(rf"(?<!\w)(?:{HEADS})\s?:"), lambda found: f"{found[0][:-1].rstrip()}§"),
    # What was done before the film ends at its colon.
    (
        re.compile(r"(?<!\w)sau (?:khi |mổ |phẫu thuật )*(?:cắt|chọc|hút|bóc)[^.,;:\n]*:"),
        lambda found: f"{found[0][:-1]};",
    ),
    # "X quang: phổi bình thường" is said of the lungs, not of the film.
    (re.compile(r"(?<=quang|.luận|mô tả):(?= ?(?:hai |nhu mô )?phổi)"), ";"),
    # List bullets and numbers.
    (re.compile(r"(?m)^[\s\-–—•*+·●▪]+|^\s*(?:\d{1,2}|[ivx]{1,4})[.)]\s+"), ""),
    (re.compile(r"\(\s*[-–]\s*\)"), " âm tính"),
    (re.compile(r'[()\[\]:"“”_]'), " "),
    # Other languages' "Ð" and "Ɖ" look like the capital of "đ".
    (re.compile("[ðɖ]"), "đ"),
    (re.compile(r"[^\S\n]+"), " "),
    *((re.compile(pattern), words) for pattern, words in _SPELLINGS),
    (re.compile(r"\b(?:bên đối diện|đối bên|cùng bên)\b"), _side_before),
    # Hyphens, slashes and commas between words all become a comma of its own; those in numbers stay.
    (
        re.compile(r"(tràn (?:dịch|khí)(?: màng phổi)?|\btim) [-–] (?=tràn|trung thất|phổi|lồng|ngực)"),
        lambda found: f"{found[1]} , ",
    ),
    (re.compile(r"(?<![\d ])/(?!lồng|ngực|\d)"), " , "),
    (re.compile(r"(?<!\d),|,(?!\d)|(?<=\d),(?=\d+ ?,)"), " , "),
    (re.compile(" {2,}"), " "),
)
