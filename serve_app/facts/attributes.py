"""The words for side, location and severity, in the notation of `terms`; of two that overlap the first stands."""

from serve_app.domain.facts import Location, Severity, Side

# "Both" before sides, lungs, fields, bases, apices, hila, domes, angles, clavicular fossae, pleurae, lobes, halves.
_BOTH = (
    "(cả )?hai( bên| phổi| phế| trường| đáy| đỉnh| rốn| vòm| góc| nền| hạ| vùng| màng| thùy| nửa| túi)|cả hai|"
    "(phải|trái)( và| lẫn| ,|,) (bên )?(phải|trái)(?! lượng)|đỉnh hai phổi|song bên|đáy hai phổi|đối xứng hai bên"
)
_FIELD = "thùy|1/3|trường phổi|phế trường|vùng"
_BETWEEN = "( phải| trái| phổi)?"
# "Clear" is an amount ("giãn rõ"), but not of an outline or in "not clear".
_CLEARLY = "(?<!bờ )(?<!không )(?<!chưa )(?<!hạn )(?<!giới )(?<!thấy )(?<!quan sát )(to )?rõ(?! nét| ràng)"

SIDES: tuple[tuple[Side, str], ...] = ((Side.BILATERAL, _BOTH), (Side.RIGHT, "phải"), (Side.LEFT, "trái"))
LOCATIONS: tuple[tuple[Location, str], ...] = (
    (Location.APEX, "đỉnh|hạ đòn"),
    (Location.UPPER, f"({_FIELD}|phổi){_BETWEEN} trên|trường trên"),
    (Location.MIDDLE, f"({_FIELD}){_BETWEEN} giữa|trường giữa"),
    (Location.LOWER, f"({_FIELD}){_BETWEEN} dưới|trường dưới"),
    (Location.BASE, "đáy|nền phổi"),
    (Location.HILUM, "rốn phổi|(cạnh|quanh) rốn|rốn"),
    (Location.PERIPHERY, "ngoại vi"),
    (Location.DIFFUSE, "rải rác|lan tỏa|toàn bộ"),
)
SEVERITIES: tuple[tuple[Severity, str], ...] = (
    (Severity.MILD, "(lượng |số lượng )?(rất )?ít|nhẹ|nhỏ|vài|kín đáo|mảnh"),
    (Severity.MODERATE, "(lượng |mức độ )?(vừa|trung bình)"),
    (Severity.SEVERE, f"(lượng |số lượng )?nhiều|lớn|nặng|{_CLEARLY}"),
)
