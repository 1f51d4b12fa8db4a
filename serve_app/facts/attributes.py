"""The words for side, location and severity."""
# ruff: noqa: E501 - a term reads best on one line

from serve_app.domain.facts import Location, Severity, Side

SIDES: tuple[tuple[Side, str], ...] = (
    (
        Side.BILATERAL,
        "(?:cả )?hai(?: bên| phổi| phế| trường| đáy| đỉnh| rốn| vòm| góc| nền| hạ| vùng| màng| thùy| nửa| túi)|cả hai|(?:phải|trái)(?: và| lẫn| ,|,) (?:bên )?(?:phải|trái)(?! lượng)|đỉnh hai phổi|song bên|đáy hai phổi|đối xứng hai bên",
    ),
    (Side.RIGHT, "phải"),
    (Side.LEFT, "trái"),
)
LOCATIONS: tuple[tuple[Location, str], ...] = (
    (Location.APEX, "đỉnh|hạ đòn"),
    (Location.UPPER, "(?:thùy|1/3|trường phổi|phế trường|vùng|phổi)(?: phải| trái| phổi)? trên|trường trên"),
    (Location.MIDDLE, "(?:thùy|1/3|trường phổi|phế trường|vùng)(?: phải| trái| phổi)? giữa|trường giữa"),
    (Location.LOWER, "(?:thùy|1/3|trường phổi|phế trường|vùng)(?: phải| trái| phổi)? dưới|trường dưới"),
    (Location.BASE, "đáy|nền phổi"),
    (Location.HILUM, "rốn phổi|(?:cạnh|quanh) rốn|rốn"),
    (Location.PERIPHERY, "ngoại vi"),
    (Location.DIFFUSE, "rải rác|lan tỏa|toàn bộ"),
)
SEVERITIES: tuple[tuple[Severity, str], ...] = (
    (Severity.MILD, "(?:lượng |số lượng )?(?:rất )?ít|nhẹ|nhỏ|vài|kín đáo|mảnh"),
    (Severity.MODERATE, "(?:lượng |mức độ )?(?:vừa|trung bình)"),
    (
        Severity.SEVERE,
        "(?:lượng |số lượng )?nhiều|lớn|nặng|(?<!bờ )(?<!không )(?<!chưa )(?<!hạn )(?<!giới )(?<!thấy )(?<!quan sát )(?:to )?rõ(?! nét| ràng)",
    ),
)
