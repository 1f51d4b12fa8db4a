"""Questions that a doctor asks about a drawn film, with the answers that its facts give.

Each pair has the facts that a right answer must state, so that any answer can be judged.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np

from serve_app.domain.facts import Fact, Finding, Location, Polarity, Side
from training.phantoms.report import LUNG_FINDINGS, in_report_order, merge_sides
from training.phantoms.wording import CONCLUSIONS, NORMAL, NORMAL_FILM, Register, Style, draw_style, state


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question, one right answer, the facts that every right answer states, and the findings it is judged on."""

    question: str
    answer: str
    facts: frozenset[Fact]
    scope: frozenset[Finding]

    def is_answered_by(self, told: Collection[Fact]) -> bool:
        """Judge the facts of an answer: it states all of ours, and no other finding of the scope."""
        bare = [replace(fact, location=None, severity=None) for fact in told]
        said = {*told, *merge_sides(told), *merge_sides(bare)}
        claims = [fact for fact in told if fact.finding in self.scope and fact.polarity is Polarity.PRESENT]
        return all(any(_says(fact, wanted) for fact in said) for wanted in self.facts) and all(
            any(_says(claim, wanted) or _says(replace(claim, side=Side.BILATERAL), wanted) for wanted in self.facts)
            for claim in claims
        )


@dataclass(frozen=True, slots=True)
class _Subject:
    """How to ask about a finding and how to deny it. A denial can name a side if a question can."""

    questions: tuple[str, ...]
    denials: tuple[str, ...]


def _thing(name: str) -> _Subject:
    return _Subject(
        (f"có {name}{{side}} không", f"phim có {name}{{side}} không", f"có thấy {name}{{side}} trên phim không"),
        (f"không thấy {name}{{side}}", f"không có {name}{{side}}", f"không ghi nhận {name}{{side}}"),
    )


_SUBJECTS = {
    Finding.CONSOLIDATION: _thing("đông đặc phổi"),
    Finding.NODULE: _thing("nốt mờ phổi"),
    Finding.MASS: _thing("khối mờ phổi"),
    Finding.CAVITY: _thing("hang phổi"),
    Finding.FIBROSIS: _thing("xơ phổi"),
    Finding.ATELECTASIS: _thing("xẹp phổi"),
    Finding.EDEMA: _thing("phù phổi"),
    Finding.EMPHYSEMA: _thing("khí phế thũng"),
    Finding.EFFUSION: _thing("tràn dịch màng phổi"),
    Finding.PNEUMOTHORAX: _thing("tràn khí màng phổi"),
    Finding.PLEURAL_THICKENING: _thing("dày màng phổi"),
    Finding.ELEVATED_DIAPHRAGM: _Subject(
        ("vòm hoành{side} có nâng cao không", "vòm hoành{side} có cao không"), ("vòm hoành{side} bình thường",)
    ),
    Finding.CARDIOMEGALY: _Subject(
        ("bóng tim có to không", "tim có to không", "có tim to không"),
        ("bóng tim không to", "tim không to"),
    ),
    Finding.AORTIC_ENLARGEMENT: _Subject(
        ("quai động mạch chủ có rộng không", "quai động mạch chủ có giãn không"),
        ("quai động mạch chủ không rộng", "quai động mạch chủ bình thường"),
    ),
    Finding.MEDIASTINAL_SHIFT: _Subject(
        ("trung thất có di lệch không", "có di lệch trung thất không"), ("trung thất không di lệch",)
    ),
    Finding.RIB_FRACTURE: _thing("gãy xương sườn"),
    Finding.SCOLIOSIS: _Subject(("có vẹo cột sống không", "cột sống có vẹo không"), ("không thấy vẹo cột sống",)),
    Finding.PACEMAKER: _thing("máy tạo nhịp"),
    Finding.STERNAL_WIRES: _thing("chỉ thép xương ức"),
    Finding.CENTRAL_VENOUS_CATHETER: _thing("catheter tĩnh mạch trung tâm"),
    Finding.ENDOTRACHEAL_TUBE: _thing("ống nội khí quản"),
    Finding.NASOGASTRIC_TUBE: _thing("ống thông dạ dày"),
    Finding.CHEST_TUBE: _thing("ống dẫn lưu màng phổi"),
}
_NAMES = {
    Finding.CONSOLIDATION: "đông đặc phổi",
    Finding.NODULE: "nốt mờ",
    Finding.MASS: "khối mờ",
    Finding.CAVITY: "hang",
    Finding.CALCIFICATION: "nốt vôi hóa",
    Finding.FIBROSIS: "dải xơ",
    Finding.ATELECTASIS: "xẹp phổi",
    Finding.EFFUSION: "tràn dịch màng phổi",
    Finding.PNEUMOTHORAX: "tràn khí màng phổi",
    Finding.EDEMA: "phù phổi",
    Finding.CARDIOMEGALY: "bóng tim to",
    Finding.PLEURAL_THICKENING: "dày màng phổi",
    Finding.RIB_FRACTURE: "gãy xương sườn",
    Finding.PACEMAKER: "máy tạo nhịp",
    Finding.CENTRAL_VENOUS_CATHETER: "catheter tĩnh mạch trung tâm",
    Finding.CHEST_TUBE: "ống dẫn lưu màng phổi",
}
_SIDE_QUESTIONS = ("{name} ở bên nào", "{name} bên phải hay bên trái", "{name} nằm bên nào")
_PLACE_QUESTIONS = ("{name} nằm ở đâu", "vị trí của {name} ở đâu", "{name} ở vùng nào của phổi")
_AMOUNT_QUESTIONS = {
    Finding.EFFUSION: ("lượng dịch màng phổi nhiều hay ít", "tràn dịch màng phổi lượng bao nhiêu"),
    Finding.PNEUMOTHORAX: ("lượng khí màng phổi nhiều hay ít", "tràn khí màng phổi lượng bao nhiêu"),
    Finding.EDEMA: ("mức độ phù phổi thế nào", "phù phổi nặng hay nhẹ"),
    Finding.CARDIOMEGALY: ("bóng tim to mức độ nào", "tim to nhiều hay ít"),
}
_DEVICE_QUESTIONS = (
    "trên phim có dụng cụ gì không",
    "trên phim thấy những dụng cụ nào",
    "bệnh nhân có mang dụng cụ gì không",
)
_HEART_QUESTIONS = ("kích thước tim thế nào", "bóng tim to hay bình thường", "đánh giá bóng tim thế nào")
_FILM_QUESTIONS = ("phim có bình thường không", "phim có gì bất thường không", "có bất thường gì trên phim không")
_DIFFUSE_QUESTIONS = (
    "có dấu hiệu tổn thương lan tỏa ở phổi không",
    "phổi có tổn thương lan tỏa không",
    "có tổn thương nhu mô lan tỏa hai phổi không",
)
_NO_DIFFUSE_LESION = ("không thấy tổn thương nhu mô phổi lan tỏa", "không có tổn thương nhu mô phổi lan tỏa")
_SIDES = {None: "", Side.RIGHT: " bên phải", Side.LEFT: " bên trái", Side.BILATERAL: " hai bên"}
_OTHER_SIDE = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}
_DEVICES = frozenset(finding for finding in Finding if finding.is_device)
_SEEN_IN_TISSUE = frozenset(Finding) - _DEVICES - {Finding.ABNORMALITY, Finding.LUNG_LESION}


def follow_ups(facts: Collection[Fact], rng: np.random.Generator) -> tuple[FollowUp, ...]:
    """Ask about one film: presence (as often yes as no), side, location, severity, devices, heart, normality."""
    seen = in_report_order(merge_sides(facts))
    style = replace(draw_style(rng), register=Register.PLAIN)
    pairs = [*_presence(seen, style, rng), *_details(seen, style), *_whole_film(seen, style)]
    return tuple(pairs[index] for index in rng.permutation(len(pairs)))


def _presence(seen: list[Fact], style: Style, rng: np.random.Generator) -> Iterator[FollowUp]:
    present = [finding for finding in _SUBJECTS if any(fact.finding is finding for fact in seen)]
    missing = [finding for finding in _SUBJECTS if finding not in present]
    num_missing = min(max(1, len(present)), len(missing))
    for finding in present:
        yield _affirmed(finding, None, seen, style)
    for index in rng.choice(len(missing), num_missing, replace=False):
        yield _denied(missing[index], None, style)
    # The mirrored question, which a model fails if it finds the sign but not the side.
    for finding in present:
        sides = {fact.side for fact in seen if fact.finding is finding}
        if len(sides) == 1 and (side := sides.pop()) in _OTHER_SIDE and _asks_for_side(finding):
            yield _affirmed(finding, side, seen, style)
            yield _denied(finding, _OTHER_SIDE[side], style)


def _details(seen: list[Fact], style: Style) -> Iterator[FollowUp]:
    for finding, name in _NAMES.items():
        found = [fact for fact in seen if fact.finding is finding]
        if found and finding not in (Finding.EDEMA, Finding.CARDIOMEGALY) and all(fact.side for fact in found):
            wanted = merge_sides([Fact(finding, side=fact.side) for fact in found])
            yield _asked(style.choose("side", _SIDE_QUESTIONS).format(name=name), wanted, style)
        if found and all(fact.location for fact in found):
            wanted = frozenset(replace(fact, severity=None) for fact in found)
            yield _asked(style.choose("place", _PLACE_QUESTIONS).format(name=name), wanted, style)
        if found and finding in _AMOUNT_QUESTIONS and all(fact.severity for fact in found):
            yield _asked(style.choose("how much", _AMOUNT_QUESTIONS[finding]), frozenset(found), style)


def _whole_film(seen: list[Fact], style: Style) -> Iterator[FollowUp]:
    devices = frozenset(fact for fact in seen if fact.finding.is_device)
    none = Fact(Finding.DEVICE, Polarity.ABSENT)
    question = style.choose("devices asked", _DEVICE_QUESTIONS)
    yield _listed(question, devices, none, style.choose("devices", NORMAL["devices"]), _DEVICES, style)
    heart = frozenset(fact for fact in seen if fact.finding is Finding.CARDIOMEGALY)
    none = Fact(Finding.CARDIOMEGALY, Polarity.ABSENT)
    denial = style.choose("heart", _SUBJECTS[Finding.CARDIOMEGALY].denials)
    question = style.choose("heart asked", _HEART_QUESTIONS)
    yield _listed(question, heart, none, denial, frozenset({Finding.CARDIOMEGALY}), style)
    found = frozenset(seen) - devices
    normal = Fact(Finding.ABNORMALITY, Polarity.ABSENT)
    question = style.choose("film asked", _FILM_QUESTIONS)
    yield _listed(question, found, normal, style.choose("normal film", NORMAL_FILM), _SEEN_IN_TISSUE, style)
    diffuse = frozenset(fact for fact in found if _is_diffuse(fact))
    none = Fact(Finding.LUNG_LESION, Polarity.ABSENT, location=Location.DIFFUSE)
    question = style.choose("diffuse asked", _DIFFUSE_QUESTIONS)
    denial = style.choose("no diffuse lesion", _NO_DIFFUSE_LESION)
    yield _listed(question, diffuse, none, denial, frozenset({Finding.LUNG_LESION}), style)


def _is_diffuse(fact: Fact) -> bool:
    is_everywhere = fact.finding in (Finding.EDEMA, Finding.EMPHYSEMA) and fact.side is Side.BILATERAL
    return is_everywhere or (fact.finding in LUNG_FINDINGS and fact.location is Location.DIFFUSE)


def _asks_for_side(finding: Finding) -> bool:
    return all("{side}" in words for words in (*_SUBJECTS[finding].questions, *_SUBJECTS[finding].denials))


def _affirmed(finding: Finding, side: Side | None, seen: list[Fact], style: Style) -> FollowUp:
    facts = frozenset(fact for fact in seen if fact.finding is finding)
    question = style.choose(f"{finding} {side} asked", _SUBJECTS[finding].questions).format(side=_SIDES[side])
    return _pair(question, f"có, {_stated(facts, style)}", facts, frozenset({finding}))


def _denied(finding: Finding, side: Side | None, style: Style) -> FollowUp:
    subject = _SUBJECTS[finding]
    question = style.choose(f"{finding} {side} asked", subject.questions).format(side=_SIDES[side])
    denial = style.choose(f"{finding} denied", subject.denials).format(side=_SIDES[side])
    return _pair(question, denial, frozenset({Fact(finding, Polarity.ABSENT, side)}), frozenset({finding}))


def _asked(question: str, wanted: frozenset[Fact], style: Style) -> FollowUp:
    return _pair(question, _stated(wanted, style), wanted, frozenset(fact.finding for fact in wanted))


def _listed(
    question: str, facts: frozenset[Fact], none: Fact, denial: str, scope: frozenset[Finding], style: Style
) -> FollowUp:
    if not facts:
        return _pair(question, denial, frozenset({none}), scope)
    return _pair(question, _stated(facts, style), facts, scope)


def _stated(facts: Collection[Fact], style: Style) -> str:
    statements = (state(fact, style, CONCLUSIONS) for fact in in_report_order(facts))
    return ", ".join(statement.removeprefix("có ") for statement in statements)


def _pair(question: str, answer: str, facts: frozenset[Fact], scope: frozenset[Finding]) -> FollowUp:
    return FollowUp(f"{question[0].upper()}{question[1:]}?", f"{answer[0].upper()}{answer[1:]}.", facts, scope)


def _says(fact: Fact, wanted: Fact) -> bool:
    """Whether a fact states what is wanted. Additional detail is allowed."""
    return (fact.finding, fact.polarity) == (wanted.finding, wanted.polarity) and all(
        part is None or part == told
        for part, told in (
            (wanted.side, fact.side),
            (wanted.location, fact.location),
            (wanted.severity, fact.severity),
        )
    )
