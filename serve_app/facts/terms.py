"""Names of anatomy in all their spellings, and how the terms of the lexicon become patterns.

A term is a regular expression in the spelling of `text.normalise`: its groups capture nothing, "~" lets modifiers
stand between, "^" lets anatomy stand between. A new line or "; " begins the next term.
"""

import re

HEART = "(?<!màng )(?<!ngoài )(bóng mờ hình tim|hình tim|bóng tim|diện tim|bóng mờ tim|kích thước tim|cỡ tim|tim)"
# The cardiothoracic ratio.
HEART_RATIO = "chỉ số( bóng)?( tim)?[ ,/-]*(tim )?(trên )?(lồng )?(ngực)?"
# The aorta, or its arch, root, knob or another part.
ARCH = (
    "((cung|quai|vòm|gốc|thân|bóng|nút|đoạn|phần)( lên| xuống| ngực| trên)? (cung |quai )?)?"
    "động mạch chủ( ngực| lên| xuống)?"
)
# The costophrenic and cardiophrenic angles.
ANGLE = "(các )?(góc|túi cùng)( sườn( phế mạc)? hoành| sườn| tâm hoành| màng phổi| hoành)"
DOME = "((vòm|cơ|nửa cơ|hai)( cơ)? hoành|(?<!sườn )(?<!dưới )hoành(?= (phải|trái|hai)))"
HILUM = "(bóng )?rốn( phổi)?"
# The mediastinum or the trachea, after the heart in a list.
MEDIASTINUM = "(bóng tim |tim |tim , |tim và |khí quản ,? ?|khí quản và )?(trung thất|khí quản)"
# Amounts, sides, places, shapes and small words.
_MODIFIER = (
    "nhẹ|nhiều|ít|vừa|hơi|rõ|mức độ|trung bình|rải rác|lan tỏa|bên|phải|trái|hai|cả|một phần|một|toàn bộ|lượng|nhỏ|lớn|"
    "nặng|kín đáo|mảnh|dạng|khoang|vùng|đáy|đỉnh|thùy|trên|dưới|giữa|phổi|phế trường|trường|thành|của|khu trú|vài|các|"
    "những|bị|không đều|không đồng nhất|ổ|tự do|khá|còn|đều|[12]/[23]|ngoài|trong|sau|trước|bóng|cũ|mới|phía|ở|mất|là|"
    "rất|nền|ngoại vi|thấy|có|hình ảnh|hình|tại|đang|tăng|giảm|dọc|theo"
)
# What else a list calls normal, and the words that join it.
_ANATOMY = (
    "lồng ngực|thành ngực|phần mềm|và|,|sườn|đòn|bả vai|cột sống|các|hai bên|bên|phải|trái|ức|ngực|vùng|khảo sát|"
    "quan sát|được|trên phim|hiện tại|cung|cơ hoành|vòm hoành|xương|khung|hai|phổi|phế trường|nhu mô|tim|trung thất|"
    "kích thước|hình dạng|hình thể|hình thái|vị trí|hình ảnh|x quang|đậm độ|sáng|đều|chụp|thẳng|màng phổi|rốn|cân đối|"
    "động mạch chủ|có|trong|quai|phế quản|khí quản|mạch máu lớn|mạch máu|cơ|hoành|túi cùng|góc|sườn hoành|bóng|là|"
    "thấy|phần|trục|ở"
)


def compile_terms(terms: str) -> list[re.Pattern[str]]:
    """Turn the terms of one finding into patterns, each for itself."""
    return [compile_term(term) for line in terms.splitlines() for term in line.strip().split("; ") if term]


def compile_term(term: str) -> re.Pattern[str]:
    """Turn a term into a pattern that begins and ends at words."""
    modifiers, anatomy = f"( ({_MODIFIER})\\b){{0,6}} ", f"( ({_ANATOMY})(?!\\w)){{0,9}} "
    # A "pseudo-nodule" is none.
    term = term.replace("~", modifiers).replace("^", anatomy)
    return re.compile(without_captures(rf"(?<!\w)(?<!giả )({term})(?!\w)".replace("  ", " ")))


def without_captures(pattern: str) -> str:
    """Let the plain groups of a pattern capture nothing: "(a|b)" becomes "(?:a|b)"."""
    return re.sub(r"\((?!\?)", "(?:", pattern)
