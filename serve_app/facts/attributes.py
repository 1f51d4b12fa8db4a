"""The words for side, location and severity, in the notation of `terms`; of two that overlap the first stands."""

from serve_app.domain.facts import Location, Severity, Side

# "Both" before sides, lungs, fields, bases, apices, hila, domes, angles, clavicular fossae, pleurae, lobes, halves.
_BOTH = (
    "(cả )?hai( bên| phổi| phế| trường| đáy| đỉnh| rốn| vòm| hoành| góc| nền| hạ| vùng| màng| thùy| nửa| túi)|cả hai|"
    "(phải|trái)( và| lẫn| hay| hoặc| ,|,) (bên )?(phải|trái)(?! lượng| ít| nhiều| vừa)|"
    "đỉnh hai phổi|song bên|đáy hai phổi|đối xứng hai bên"
)
# The side of a main bronchus, of a border or a chamber of the heart is not that of the finding near it.
_OF_THE_PATIENT = "(?<!gốc )(?<!bờ tim )(?<!nhĩ )(?<!thất )(?<!bờ )"
_FIELD = "thùy|[12]/[23]|trường phổi|phế trường|vùng"
_BETWEEN = "( phải| trái| phổi)?"
# "Clear" is an amount ("giãn rõ"), but not of an outline or in "not clear".
_CLEARLY = "(?<!bờ )(?<!không )(?<!chưa )(?<!hạn )(?<!giới )(?<!thấy )(?<!quan sát )(to )?rõ(?! nét| ràng)"
# "Less by much" is a change, "more than on the left" a comparison, "much likelihood" a doubt: none is an amount.
_NO_CHANGE = "(?<!co )(?<!giảm )(?<!tăng )(?<!bớt )(?<!hấp thu )(?<!liên thùy )"
_NO_COMPARISON = "(?! hơn| so với| khả năng| nghĩ| di lệch)"

SIDES: tuple[tuple[Side, str], ...] = (
    (Side.BILATERAL, _BOTH),
    (Side.RIGHT, f"{_OF_THE_PATIENT}phải"),
    (Side.LEFT, f"{_OF_THE_PATIENT}trái"),
)
LOCATIONS: tuple[tuple[Location, str], ...] = (
    (Location.APEX, "(?<!lên )đỉnh|hạ đòn"),
    (Location.UPPER, f"({_FIELD}|phổi){_BETWEEN} trên(?! phim| ảnh| film| x quang| nền)|trường trên"),
    (Location.MIDDLE, f"({_FIELD}){_BETWEEN} giữa|trường giữa"),
    (Location.LOWER, f"({_FIELD}){_BETWEEN} dưới|trường dưới"),
    (Location.BASE, "đáy|(?<!trên )nền phổi"),
    (Location.HILUM, "(?<!về )(?<!phía )((cạnh|quanh) )?rốn( phổi)?"),
    (Location.PERIPHERY, "ngoại vi"),
    (Location.DIFFUSE, "rải rác|lan tỏa|(?<!gần )toàn bộ(?! thùy)"),
)
# Thin, but not a piece of metal or bone.
_THIN = "mảnh(?! kim| đạn| xương)"

SEVERITIES: tuple[tuple[Severity, str], ...] = (
    (Severity.MILD, f"{_NO_CHANGE}((lượng |số lượng )?(rất )?ít|nhẹ|nhỏ|vài|kín đáo|{_THIN}){_NO_COMPARISON}"),
    (Severity.MODERATE, f"{_NO_CHANGE}(lượng |mức độ )?(vừa(?! mới| rút| xuất| chụp| được| mổ)|trung bình)"),
    (Severity.SEVERE, f"{_NO_CHANGE}((lượng |số lượng )?nhiều|lớn|nặng|{_CLEARLY}){_NO_COMPARISON}"),
)
