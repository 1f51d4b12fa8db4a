"""Words one fact as a radiologist does: synonyms, abbreviations, capitals, one style per report.

Every wording can be parsed back to exactly its fact.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np

from serve_app.domain.facts import Fact, Finding, Location, Severity, Side


class Register(StrEnum):
    PLAIN = "plain"
    CAPITALS = "capitals"
    ABBREVIATED = "abbreviated"


Choice = TypeVar("Choice")
_REGISTER_SHARES = (0.7, 0.15, 0.15)
# The probability of the first, usual wording; otherwise all wordings are equally likely.
_USUAL_SHARE = 0.5

# The first wording of each is the canonical one. Slots bring their own leading space.
STATEMENTS: dict[Finding, tuple[str, ...]] = {
    Finding.CONSOLIDATION: ("đám mờ đông đặc{lung}", "đông đặc{lung}", "đám đông đặc{lung}", "hình ảnh đông đặc{lung}"),
    Finding.NODULE: ("nốt mờ{lung}", "nốt mờ đơn độc{lung}", "hình nốt mờ{lung}", "có nốt mờ{lung}"),
    Finding.MASS: ("khối mờ{lung}", "hình khối mờ{lung}", "khối mờ bờ tua gai{lung}", "có khối mờ{lung}"),
    Finding.CAVITY: ("hình hang{lung}", "hang{lung}", "hang thành dày{lung}", "có hình hang{lung}"),
    Finding.CALCIFICATION: ("nốt vôi hóa{lung}", "nốt vôi{lung}", "vôi hóa nhu mô{lung}"),
    Finding.FIBROSIS: ("dải xơ{lung}", "xơ sẹo{lung}", "xơ hóa{lung}", "có dải xơ{lung}"),
    Finding.ATELECTASIS: ("xẹp{lung}", "dải xẹp{lung}", "hình ảnh xẹp{lung}", "xẹp dạng dải{lung}"),
    Finding.EDEMA: ("phù phổi{side}{degree}", "sung huyết phổi{side}{degree}", "ứ huyết phổi{side}{degree}"),
    Finding.EMPHYSEMA: ("khí phế thũng{lung}", "tăng sáng{fields}", "căng giãn phổi{side}"),
    Finding.EFFUSION: (
        "tràn dịch màng phổi{side}{amount}",
        "mờ góc sườn hoành{side}, dịch màng phổi{side}{amount}",
        "tù góc sườn hoành{side}, dịch màng phổi{side}{amount}",
        "có tràn dịch màng phổi{side}{amount}",
    ),
    Finding.PNEUMOTHORAX: ("tràn khí màng phổi{side}{amount}", "có tràn khí màng phổi{side}{amount}"),
    Finding.PLEURAL_THICKENING: ("dày màng phổi{side}", "hình ảnh dày màng phổi{side}", "có dày màng phổi{side}"),
    Finding.ELEVATED_DIAPHRAGM: ("vòm hoành{side} nâng cao", "vòm hoành{side} cao", "nâng cao vòm hoành{side}"),
    Finding.CARDIOMEGALY: (
        "bóng tim to{degree}",
        "tim to{degree}",
        "hình tim to{degree}",
        "bóng tim to{degree}, chỉ số tim/lồng ngực > 0,5",
    ),
    Finding.AORTIC_ENLARGEMENT: ("quai động mạch chủ rộng", "quai động mạch chủ giãn", "giãn quai động mạch chủ"),
    Finding.AORTIC_CALCIFICATION: ("vôi hóa quai động mạch chủ", "quai động mạch chủ có vôi hóa"),
    Finding.MEDIASTINAL_SHIFT: ("trung thất lệch{to}", "trung thất bị đẩy lệch{to}", "trung thất di lệch{to}"),
    Finding.RIB_FRACTURE: ("gãy xương sườn{side}", "gãy các xương sườn{side}", "hình ảnh gãy xương sườn{side}"),
    Finding.SCOLIOSIS: ("vẹo cột sống", "cột sống vẹo", "vẹo cột sống ngực"),
    Finding.PACEMAKER: ("máy tạo nhịp{at}", "còn máy tạo nhịp{at}", "máy tạo nhịp tim{at}"),
    Finding.STERNAL_WIRES: ("chỉ thép xương ức", "còn chỉ thép xương ức", "chỉ thép lồng ngực", "chỉ cột xương ức"),
    Finding.PROSTHETIC_VALVE: ("van tim nhân tạo", "có van tim nhân tạo", "hình van tim nhân tạo"),
    Finding.CENTRAL_VENOUS_CATHETER: (
        "catheter tĩnh mạch trung tâm{at}",
        "đường truyền tĩnh mạch trung tâm{at}",
        "còn catheter tĩnh mạch trung tâm{at}",
    ),
    Finding.ENDOTRACHEAL_TUBE: ("ống nội khí quản", "có ống nội khí quản", "còn ống nội khí quản"),
    Finding.NASOGASTRIC_TUBE: ("ống thông dạ dày", "sonde dạ dày", "còn ống thông dạ dày"),
    Finding.CHEST_TUBE: ("ống dẫn lưu màng phổi{side}", "còn ống dẫn lưu màng phổi{side}"),
}
AORTA_WIDE_AND_CALCIFIED = ("quai động mạch chủ rộng, có vôi hóa", "quai động mạch chủ giãn, vôi hóa")
# A conclusion names the finding instead of describing it.
CONCLUSIONS: dict[Finding, tuple[str, ...]] = STATEMENTS | {
    Finding.CONSOLIDATION: ("đông đặc{lung}", "đám mờ đông đặc{lung}"),
    Finding.EFFUSION: ("tràn dịch màng phổi{side}{amount}", "dịch màng phổi{side}{amount}"),
    Finding.CARDIOMEGALY: ("bóng tim to{degree}", "tim to{degree}"),
}

# The sentence for a normal group of the chest.
NORMAL: dict[str, tuple[str, ...]] = {
    "lungs": (
        "hai phế trường sáng",
        "hai phế trường sáng, không thấy tổn thương nhu mô khu trú",
        "không thấy bất thường đậm độ hai phổi",
        "hai phổi sáng, không thấy tổn thương khu trú",
    ),
    "lung": (
        "phổi{side} sáng",
        "phổi{side} sáng, không thấy tổn thương khu trú",
        "không thấy tổn thương nhu mô phổi{side}",
    ),
    # Fluid or air in the pleura changes the brightness of the lungs: then only lesions are denied.
    "lungs beside the pleura": ("không thấy tổn thương nhu mô hai phổi", "không thấy tổn thương khu trú hai phổi"),
    "lung beside the pleura": ("không thấy tổn thương nhu mô phổi{side}", "không thấy tổn thương khu trú phổi{side}"),
    "pleura": (
        "không tràn dịch, tràn khí màng phổi",
        "không thấy tràn dịch, tràn khí màng phổi hai bên",
        "không có tràn dịch hay tràn khí màng phổi",
        "góc sườn hoành hai bên nhọn, không tràn khí màng phổi",
    ),
    "effusion": ("không tràn dịch màng phổi", "không thấy tràn dịch màng phổi", "góc sườn hoành hai bên nhọn"),
    "pneumothorax": ("không tràn khí màng phổi", "không thấy tràn khí màng phổi"),
    "diaphragm": ("vòm hoành bình thường", "vòm hoành hai bên bình thường"),
    "heart": (
        "bóng tim không to",
        "tim không to",
        "bóng tim bình thường",
        "bóng tim không to, chỉ số tim/lồng ngực < 0,5",
    ),
    "mediastinum": ("trung thất không di lệch", "khí quản ở giữa, trung thất không di lệch"),
    "aorta": ("quai động mạch chủ bình thường", "quai động mạch chủ không rộng"),
    "bones": ("khung xương không thấy bất thường", "khung xương lồng ngực không thấy bất thường", "xương bình thường"),
    "devices": ("không thấy dụng cụ cản quang", "không có dụng cụ cản quang"),
}
NORMAL_FILM = (
    "tim phổi trong giới hạn bình thường",
    "hình ảnh tim phổi trong giới hạn bình thường",
    "hình Xquang tim phổi trong giới hạn bình thường",
)

_SIDES = {None: "", Side.RIGHT: " phải", Side.LEFT: " trái", Side.BILATERAL: " hai bên"}
_AT = {None: "", Side.RIGHT: " bên phải", Side.LEFT: " bên trái", Side.BILATERAL: " hai bên"}
_TO = {None: "", Side.RIGHT: " sang phải", Side.LEFT: " sang trái", Side.BILATERAL: " hai bên"}
_LUNGS = {
    None: (" phổi",),
    Side.RIGHT: (" phổi phải",),
    Side.LEFT: (" phổi trái",),
    Side.BILATERAL: (" hai phổi", " phổi hai bên"),
}
_FIELDS = _SIDES | {Side.RIGHT: " phế trường phải", Side.LEFT: " phế trường trái", Side.BILATERAL: " hai phế trường"}
_LOCATIONS = {
    Location.APEX: (" đỉnh",),
    Location.UPPER: (" thùy trên", " 1/3 trên", " vùng trên"),
    Location.MIDDLE: (" 1/3 giữa",),
    Location.LOWER: (" thùy dưới", " 1/3 dưới"),
    Location.BASE: (" đáy",),
    Location.HILUM: (" cạnh rốn", " quanh rốn"),
    Location.PERIPHERY: (" ngoại vi",),
    Location.DIFFUSE: (" lan tỏa", " rải rác"),
}
_AMOUNTS = {
    None: ("",),
    Severity.MILD: (" lượng ít",),
    Severity.MODERATE: (" lượng vừa", " lượng trung bình"),
    Severity.SEVERE: (" lượng nhiều",),
}
_DEGREES = {
    None: ("",),
    Severity.MILD: (" nhẹ", " mức độ nhẹ"),
    Severity.MODERATE: (" vừa", " mức độ vừa"),
    Severity.SEVERE: (" rõ", " nhiều", " mức độ nhiều"),
}
_EDEMA_DEGREES = _DEGREES | {Severity.SEVERE: (" nặng", " nhiều", " mức độ nặng")}
_ABBREVIATIONS = {
    "tràn dịch màng phổi": "TDMP",
    "màng phổi": "MP",
    "quai động mạch chủ": "quai ĐMC",
    "ống nội khí quản": "ống NKQ",
    "catheter tĩnh mạch trung tâm": "CVC",
    "theo dõi": "TD",
}
_SIDE_ABBREVIATIONS = {r"(bên )?\bphải\b": "(P)", r"(bên )?\btrái\b": "(T)", r"\bhai bên\b": "2 bên"}


@dataclass(frozen=True, slots=True)
class Style:
    """The style of one report. Without a random generator every wording is the canonical one."""

    register: Register = Register.PLAIN
    taste: int | None = None

    def choose(self, topic: str, wordings: Sequence[Choice]) -> Choice:
        """Choose one wording. A topic keeps its wording throughout a report."""
        if self.taste is None:
            return wordings[0]
        rng = np.random.default_rng([self.taste, *topic.encode()])
        return wordings[0 if rng.random() < _USUAL_SHARE else int(rng.integers(len(wordings)))]

    def sentence(self, statement: str) -> str:
        """Finish a lower-case statement: abbreviations, capitals, the full stop."""
        is_abbreviated = self.register is Register.ABBREVIATED or (
            self.register is Register.CAPITALS and self.choose("abbreviations in capitals", (False, True))
        )
        words = self._abbreviate(statement) if is_abbreviated else statement
        return (words.upper() if self.register is Register.CAPITALS else words[0].upper() + words[1:]) + "."

    def _abbreviate(self, statement: str) -> str:
        for words, short in _ABBREVIATIONS.items():
            if self.choose(words, (True, False)):
                statement = statement.replace(words, short)
        for pattern, short in _SIDE_ABBREVIATIONS.items():
            statement = re.sub(pattern, short, statement)
        return statement


def draw_style(rng: np.random.Generator | None) -> Style:
    """Sample the style of one report. Equal generators give equal styles; without one the style is canonical."""
    if rng is None:
        return Style()
    register = tuple(Register)[int(rng.choice(len(Register), p=_REGISTER_SHARES))]
    return Style(register, int(rng.integers(2**32)))


def require_wording(fact: Fact) -> None:
    """Check that a positive fact has a wording.

    Raises: ValueError if its finding has no wording, or the wording no place for its side, location or severity.
    """
    if fact.finding not in STATEMENTS or not _has_place_for(fact, STATEMENTS[fact.finding][0]):
        raise ValueError(f"no wording for {fact}")


def state(fact: Fact, style: Style, wordings: dict[Finding, tuple[str, ...]] = STATEMENTS) -> str:
    """Word a positive fact that has a wording, in lower case, without the full stop."""
    template = style.choose(f"{fact.finding} statement", wordings[fact.finding])
    return template.format(
        lung=_lung_words(fact, style),
        side=_SIDES[fact.side],
        at=_AT[fact.side],
        to=_TO[fact.side],
        fields=_FIELDS[fact.side],
        amount=style.choose(f"amount {fact.severity}", _AMOUNTS[fact.severity]),
        degree=_degree_words(fact, style),
    )


def _has_place_for(fact: Fact, template: str) -> bool:
    slots = set(re.findall(r"{(\w+)}", template))
    return (
        (fact.side is None or bool(slots & {"lung", "side", "at", "to"}))
        and (fact.location is None or "lung" in slots)
        and (fact.severity is None or bool(slots & {"amount", "degree"}))
    )


def _lung_words(fact: Fact, style: Style) -> str:
    lung = style.choose("lung", _LUNGS[fact.side])
    if fact.location is None:
        return lung
    wordings = _LOCATIONS[fact.location]
    # Only the right lung has a middle lobe.
    if fact.location is Location.MIDDLE and fact.side is Side.RIGHT:
        wordings = (" thùy giữa", *wordings)
    return style.choose(f"location {fact.location}", wordings) + lung


def _degree_words(fact: Fact, style: Style) -> str:
    degrees = _EDEMA_DEGREES if fact.finding is Finding.EDEMA else _DEGREES
    return style.choose(f"degree {fact.severity}", degrees[fact.severity])
