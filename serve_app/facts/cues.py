"""The words and signs that open, bend or end a phrase: negation, doubt, contrast, lists."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from serve_app.facts.mentions import Attribute, Mention
from serve_app.facts.terms import without_captures


class Kind(StrEnum):
    """What a cue does to the findings after it."""

    REMOVED = "removed"
    """A device that was there and is not any more."""
    UNSEEN = "unseen"
    """What the film does not let judge is neither present nor absent."""
    UNCERTAIN = "uncertain"
    SAME = "same"
    """Goes on with the finding before: "không thay đổi", has not changed."""
    NEGATIVE = "negative"
    BUT = "but"
    POSITIVE = "positive"
    JOIN = "join"
    OR = "or"
    """Joins as "and" does; a negated list runs at least as far."""
    COMMA = "comma"
    DOUBT = "doubt"
    """A question mark behind the finding."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One cue in a clause, from `start` to `end` in characters."""

    start: int
    end: int
    kind: Kind


_GAP = "(không|chưa|khó)( có)?( thể)?"
# "Removed", but not "drawn back", "drawn 2 cm".
_REMOVED = (
    "((đã|sau|sau khi|mới|vừa|được)( được)? )?(?<!co )(rút|tháo|gỡ)( bỏ| ra)?(?! lui| bớt| ngắn| lùi| về| \\d)|"
    "(đã|sau)( khi)? lấy( bỏ| ra)"
)
# "Cannot be judged", "hard to assess".
_UNSEEN = (
    f"{_GAP} (đánh giá|khảo sát|nhận định|bộc lộ)( rõ| hết| chính xác| đầy đủ)*( được)?|khó quan sát|"
    "hạn chế (đánh giá|khảo sát|quan sát)"
)
# "Cannot be excluded", "told apart", "determined", "unclear whether", "or not".
_UNDECIDED = (
    "(không|chưa)( \\w+){0,3}? (loại|ngoại) trừ( được)?|hay (là )?(không|chưa)|(không|chưa) rõ (có|là)|"
    "chưa rõ(?= [^,]* hay )|"
    f"{_GAP} (phân biệt|phân định|xác định|khẳng định|kết luận|chắc chắn)( rõ| chắc chắn)*+( được)?+"
    "(?! nguyên| bản chất| vị trí| bờ| giới| số)( có| giữa)*"
)
# "Follow up", "suspect", "possibly", "towards", "suggests", "differential diagnosis", "perhaps", "consider".
_SUSPICION = (
    "(theo dõi|nghi ngờ|nghi|(ít |nhiều )?khả năng|hướng (tới|đến|về)|có thể|gợi ý|(chẩn đoán )?phân biệt|"
    "((được|ít) )?nghĩ( nhiều)?( đến| tới)?|chưa chắc|không chắc|có lẽ|(dường|hình) như|"
    "có vẻ( như)?|loại trừ|cân nhắc)( do)?"
)
# "Unclear" of a border, an outline, a cause, a nature, an amount.
_UNCLEAR = "((?<=bờ )|(?<=giới )|(?<=hạn )|(?<=viền )|(?<=nhân )|(?<=chất )|(?<=lượng ))(không|chưa)( thấy)? rõ"
# What "not" denies of a finding that is there: growing, changing, being even, typical, symmetrical, gone, compared ...
_QUALITY = (
    "tăng(?! sáng| đậm| áp| tuần hoàn| thông)|giảm|thay đổi|biến đổi(?! bất)|đổi|đồng nhất|đều|hoàn toàn|đặc hiệu|"
    "điển hình|đối xứng|cân|cải thiện|tiến triển|chỉ(?! thép| kim| cột| buộc| khâu)|những|kể|đáng kể|so sánh|"
    "thuyên giảm|ổn|liên tục|quá|sâu|hết|hít|đạt|tan|hấp thu|mất|biến mất|khác|"
    "xác định( được| rõ)* (nguyên|bản|vị|bờ|giới|số)|rút|rõ (nguyên nhân|bản chất|tính chất|bờ|ranh|giới|nét|ràng)|"
    "thuần nhất|hợp tác|thẳng|đúng|chuẩn|phim"
)
_NOT_SO = f"(không|chưa)( thấy| có| ghi nhận| còn| bị)*( sự| dấu hiệu)? ({_QUALITY})"
_NOT = "(không|chưa|chẳng)( thấy| có| còn| ghi nhận| phát hiện| quan sát| rõ| được)*"
# "(Absorbed and) gone", but not "most of", "before", "not yet" or "nearly gone".
_GONE = (
    "(đã )?(hấp thu|tan|biến mất) hoàn toàn|đã biến mất|"
    "(?<!hầu như )(đã )?(hấp thu |tan )?(?<!hầu )(?<!trước )(?<!chưa )(?<!gần )hết( hoàn toàn| hẳn)?"
)
_WORDS = (
    (Kind.REMOVED, _REMOVED),
    (Kind.UNSEEN, _UNSEEN),
    (Kind.UNCERTAIN, f"{_UNDECIDED}|{_SUSPICION}"),
    (Kind.SAME, f"{_UNCLEAR}|{_NOT_SO}"),
    (Kind.NEGATIVE, f"{_NOT}|{_GONE}|âm tính"),
    (
        Kind.BUT,
        "nhưng|tuy nhiên|song(?! bên| song)|ngoài ra|ngoại trừ|trừ|mà|"
        "(?<!3 )(?<!màng )(?<!phía )(?<!bờ )(?<!bên )ngoài(?! tim| vi)",
    ),
    (Kind.POSITIVE, "có|còn|thấy|xuất hiện|ghi nhận|phát hiện|kèm|hiện có|đã|đang|vẫn|sau|được"),
    (Kind.OR, "hoặc( là)?|hay( là)?|lẫn|cũng như"),
    (Kind.JOIN, "và|cùng|gây|do|kết hợp|bởi|(?<!so )với(?= (phổi|thùy|màng|trung))"),
)
_CUES = re.compile(
    without_captures(
        rf"(?<!\w)({'|'.join(f'(?P<{kind}>{words})' for kind, words in _WORDS)})(?!\w)"
        r"|(?P<comma>(?<!\S),(?!\S))|(?P<doubt>\?)|(?P<join_sign>\+|&)"
    )
)


def find_cues(clause: str, named: Iterable[Mention | Attribute]) -> list[Cue]:
    """Name the cues of a clause in reading order, but for those inside a mention or an attribute."""
    inside = bytearray(len(clause))
    for words in named:
        inside[words.start : words.end] = b"\1" * (words.end - words.start)
    return [
        Cue(found.start(), found.end(), Kind((found.lastgroup or "").removesuffix("_sign")))
        for found in _CUES.finditer(clause)
        if not inside[found.start()]
    ]
