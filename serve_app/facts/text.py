"""A report's words in one spelling: NFC, small letters, one placement of tone marks, abbreviations written out.

Knows how Vietnamese radiologists spell, not what their words mean. Commas come out as words of their own.
"""

import re
import unicodedata

_FLAT = dict(zip("àáảãạèéẻẽẹòóỏõọùúủũụỳýỷỹỵ", "a" * 5 + "e" * 5 + "o" * 5 + "u" * 5 + "y" * 5, strict=True))
_TONES = {vowel: vowels for vowels in ("àáảãạ", "èéẻẽẹ", "òóỏõọ", "ùúủũụ", "ỳýỷỹỵ") for vowel in vowels}
_ROW = {"a": "àáảãạ", "e": "èéẻẽẹ", "o": "òóỏõọ", "u": "ùúủũụ", "y": "ỳýỷỹỵ"}
# An open syllable bears its tone on the first vowel ("hòa"), a closed one on the second ("toàn"); "qu" is a consonant.
_OPEN = re.compile(r"(?:(o)([àáảãạèéẻẽẹ])|(?<!q)(u)([ỳýỷỹỵ]))(?!\w)")
_CLOSED = re.compile(r"([òóỏõọ])([ae])(?=\w)")

_SPELLINGS: tuple[tuple[str, str], ...] = (
    (r"\bx[ -]?(?:quang|ray)\b|\bxq\b", "x quang"),
    (r"\bđ[./]?m[./]?c\b|\bđm chủ\b|\bđ[./]m\.? chủ", "động mạch chủ"),
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
    (r"\bvpq\b", "viêm phế quản"),
    (r"\bvp\b", "viêm phổi"),
    (r"\bpq\b", "phế quản"),
    (r"\bnkq\b", "ống nội khí quản"),
    (r"\b(?:bpt?tnmt|copd)\b", "copd"),
    (r"\bt/ ?d\b|\btd\b\.?|\btheo giõi\b", "theo dõi"),
    (r"\b(?:ko|kg|khg|hk|k0)\b", "không"),
    (r"\bd[ầà]y\b", "dày"),
    (r"\b(?:dãn|giản)\b", "giãn"),
    (r"\b(?:can ?xi|calci) hóa\b", "vôi hóa"),
    (r"\bvòng ?(?=động mạch chủ)", "vồng "),
    (r"\bxung huyết\b", "sung huyết"),
    (r"\bđộng mạch chủ[ -]+đmc\b", "động mạch chủ"),
    (r"\bcardiac index\b", "chỉ số tim"),
    (
        r"\b(?:cả )?(?:2|hai)"
        r"(?= bên| phổi| phế| trường| đáy| đỉnh| rốn| vòm| góc| nền| hạ| vùng| màng| thùy| nửa| túi)",
        "hai",
    ),
    (r"\bkhông phải(?= là| do)", "không"),
    # Their full stop may end the sentence, and with it a negation: it stays.
    (r"\bp\b", "phải"),
    (r"\bt\b", "trái"),
)
_REWRITES = tuple((re.compile(pattern), words) for pattern, words in _SPELLINGS)
_BULLET = re.compile(r"(?m)^[\s\-–—•*+·●▪]+|^\s*(?:\d{1,2}|[ivx]{1,4})[.)]\s+")
_JOINED = re.compile(r"(tràn (?:dịch|khí)(?: màng phổi)?|\btim) [-–] (?=tràn|trung thất|phổi)")
_SLASH = re.compile(r"(?<![\d ])/(?!lồng|ngực|\d)")
_COMMA = re.compile(r"(?<!\d),|,(?!\d)|(?<=\d),(?=\d+ ?,)")
# Other languages' "Ð" and "Ɖ" look like the capital of "đ".
_GLYPHS = str.maketrans(dict.fromkeys('()[]:"“”_', " ") | {"ð": "đ", "ɖ": "đ"})


def normalise(text: str) -> str:
    """Write a text in the one spelling that the lexicon knows; sentence ends and line breaks stay."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    text = one_tone_placement(text)
    text = _BULLET.sub("", text.replace("\r", "\n")).translate(_GLYPHS)
    text = re.sub(r"[^\S\n]+", " ", text)
    for pattern, words in _REWRITES:
        text = pattern.sub(words, text)
    text = _JOINED.sub(r"\1 , ", text)
    text = _COMMA.sub(" , ", _SLASH.sub(" , ", text))
    return re.sub(r" {2,}", " ", text)


def one_tone_placement(text: str) -> str:
    """Write "hoà" as "hòa" and "thuỳ" as "thùy": two spellings of one syllable. Small letters in NFC only."""
    return _CLOSED.sub(_second_vowel, _OPEN.sub(_first_vowel, text))


def _first_vowel(found: re.Match[str]) -> str:
    glide, vowel = (found[1], found[2]) if found[1] else (found[3], found[4])
    return _ROW[glide][_TONES[vowel].index(vowel)] + _FLAT[vowel]


def _second_vowel(found: re.Match[str]) -> str:
    return "o" + _ROW[found[2]][_TONES[found[1]].index(found[1])]
