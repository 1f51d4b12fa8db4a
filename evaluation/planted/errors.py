"""Plants one error into a correct drawn report, by kind.

A kind is a function from a film's facts to the two texts, or to None if the film does not allow that error.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from serve_app.domain.conversation import FinishReason
from serve_app.domain.facts import Fact, Finding, Severity, Side
from serve_app.domain.report import ConcernCode
from serve_app.reasoning.check.clinic import INCIDENTAL
from serve_app.reasoning.prompts import PROMPTS
from training.phantoms.report import findings_text, impression_text, merge_sides

T = TypeVar("T")
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Draft:
    """Both sections as a model might have written them, and the status of the findings."""

    findings: str
    impression: str
    ended: FinishReason = FinishReason.STOP


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of error: a function that plants it, and the concerns that identify it."""

    plant: Callable[[frozenset[Fact], int, Rng], Draft | None]
    fitting: frozenset[ConcernCode]


def right_draft(facts: Collection[Fact], seed: int) -> Draft:
    """Write the correct report of a film, in the style of a random seed."""
    return Draft(_findings(facts, seed), _impression(facts, seed))


_DENIALS = {
    Finding.EFFUSION: ("Không tràn dịch màng phổi.", "Không thấy dịch màng phổi hai bên."),
    Finding.PNEUMOTHORAX: ("Không tràn khí màng phổi.", "Không thấy tràn khí màng phổi."),
    Finding.CARDIOMEGALY: ("Bóng tim không to.", "Tim không to."),
    Finding.MEDIASTINAL_SHIFT: ("Trung thất không di lệch.",),
    Finding.RIB_FRACTURE: ("Không thấy gãy xương sườn.",),
    Finding.CONSOLIDATION: ("Không thấy đông đặc phổi.",),
    Finding.MASS: ("Không thấy khối mờ.",),
    Finding.NODULE: ("Không thấy nốt mờ.",),
    Finding.ATELECTASIS: ("Không xẹp phổi.",),
}
_INVENTED = (
    Fact(Finding.PNEUMOTHORAX, side=Side.RIGHT, severity=Severity.SEVERE),
    Fact(Finding.EFFUSION, side=Side.LEFT, severity=Severity.MODERATE),
    Fact(Finding.MASS, side=Side.LEFT),
    Fact(Finding.CONSOLIDATION, side=Side.RIGHT),
    Fact(Finding.RIB_FRACTURE, side=Side.LEFT),
    Fact(Finding.CARDIOMEGALY),
    Fact(Finding.EDEMA),
)
_COMPARISONS = (
    "So với phim cũ, tổn thương không thay đổi.",
    "Tổn thương tiến triển so với lần chụp trước.",
    "Không thay đổi so với phim ngày 12/03.",
    "Dịch màng phổi giảm hơn so với trước.",
    "Đám mờ lớn hơn so với phim trước.",
    "So với ảnh chụp trước: ổn định.",
    "Hình ảnh cải thiện hơn so với lần trước.",
    "Tổn thương mới xuất hiện so với phim cũ.",
    "Phim chụp trước đây chưa thấy tổn thương này.",
    "So với kết quả ngày 01/02 không có tiến triển.",
)
_NO_REPORTS = (
    "Xin lỗi, tôi không thể mô tả hình ảnh này.",
    "I'm sorry, but I can't help with interpreting medical images.",
    "The lungs are clear. There is no pleural effusion or pneumothorax. The heart is not enlarged.",
    "Là một mô hình ngôn ngữ, tôi không thể đưa ra chẩn đoán. Hãy gặp bác sĩ.",
    "双肺纹理清晰，心影不大，未见明显异常。",
    "Легкие без очаговых изменений. Сердце не увеличено.",
    "Les poumons sont clairs. Pas d'epanchement pleural visible sur ce cliche.",
    PROMPTS["clara-vi-1"].impression,
    "Ảnh chụp X-ray Chụp Xquang tim phổi thẳng bệnh nhân Nam. Cho biết bệnh nhân bị gì?",
    "<|im_start|>assistant",
)
_SIDE_WORDS = re.compile(
    r" (?:bên )?(?:phải|trái)\b| \((?:P|T)\)| [PT]\b(?=[ .,]|$)| hai bên| hai phổi| sang (?:phải|trái)", re.IGNORECASE
)


def _findings(facts: Collection[Fact], seed: int) -> str:
    return findings_text(facts, np.random.default_rng(seed))


def _impression(facts: Collection[Fact], seed: int) -> str:
    return impression_text(facts, np.random.default_rng(seed))


def _pick(items: Sequence[T], rng: Rng) -> T | None:
    return items[int(rng.integers(len(items)))] if items else None


def _ordered(facts: Collection[Fact]) -> list[Fact]:
    return sorted(merge_sides(facts), key=str)


def _with_line(text: str, line: str, rng: Rng) -> str:
    lines = text.splitlines()
    lines.insert(int(rng.integers(len(lines) + 1)), f"- {line}")
    return "\n".join(lines)


def _flip_polarity(facts: frozenset[Fact], seed: int, rng: Rng) -> Draft | None:
    fact = _pick([fact for fact in _ordered(facts) if fact.finding in _DENIALS], rng)
    if fact is None:
        return None
    rest = [other for other in merge_sides(facts) if other.finding is not fact.finding]
    denial = _pick(_DENIALS[fact.finding], rng)
    return Draft(_findings(facts, seed), _with_line(_impression(rest, seed), str(denial), rng))


def _reassure(facts: frozenset[Fact], seed: int, rng: Rng) -> Draft | None:
    grave = [fact for fact in facts if not fact.finding.is_device and fact.finding not in INCIDENTAL]
    return Draft(_findings(facts, seed), _impression([], seed)) if grave else None


def _changed(facts: frozenset[Fact], seed: int, fact: Fact | None, other: Fact) -> Draft | None:
    if fact is None:
        return None
    return Draft(_findings(facts, seed), _impression((merge_sides(facts) - {fact}) | {other}, seed))


def _swap_side(facts: frozenset[Fact], seed: int, rng: Rng) -> Draft | None:
    # A mediastinal shift names the side to which it goes; other findings name the side where they are.
    sided = [fact for fact in _ordered(facts) if fact.side in (Side.LEFT, Side.RIGHT)]
    fact = _pick([fact for fact in sided if fact.finding is not Finding.CENTRAL_VENOUS_CATHETER], rng)
    other = Side.LEFT if fact is not None and fact.side is Side.RIGHT else Side.RIGHT
    return _changed(facts, seed, fact, replace(fact or _INVENTED[0], side=other))


def _change_degree(facts: frozenset[Fact], seed: int, rng: Rng) -> Draft | None:
    fact = _pick([fact for fact in _ordered(facts) if fact.severity is not None], rng)
    degree = _pick([degree for degree in Severity if fact is None or degree is not fact.severity], rng)
    return _changed(facts, seed, fact, replace(fact or _INVENTED[0], severity=degree))


def _drop(facts: frozenset[Fact], seed: int, rng: Rng) -> Draft | None:
    grave = [fact for fact in _ordered(facts) if fact.finding not in INCIDENTAL]
    fact = _pick(grave, rng)
    return None if fact is None else Draft(_findings(facts, seed), _impression(merge_sides(facts) - {fact}, seed))


def _invent(facts: frozenset[Fact], seed: int, rng: Rng) -> Draft | None:
    present = {fact.finding for fact in facts}
    fact = _pick([fact for fact in _INVENTED if fact.finding not in present], rng)
    return None if fact is None else Draft(_findings(facts, seed), _impression({*merge_sides(facts), fact}, seed))


def _remove_side(facts: frozenset[Fact], seed: int, rng: Rng) -> Draft | None:
    lateral = (Finding.EFFUSION, Finding.PNEUMOTHORAX, Finding.RIB_FRACTURE, Finding.PLEURAL_THICKENING)
    sided = [fact for fact in _ordered(facts) if fact.finding in lateral and fact.side in (Side.LEFT, Side.RIGHT)]
    fact = _pick(sided, rng)
    if fact is None:
        return None
    right, alone = right_draft(facts, seed), _impression([fact], seed)
    bare = _SIDE_WORDS.sub("", alone)
    if alone not in right.impression or bare == alone:
        return None
    return replace(right, impression=right.impression.replace(alone, bare))


def _contradict(facts: frozenset[Fact], seed: int, rng: Rng) -> Draft | None:
    fact = _pick([fact for fact in _ordered(facts) if fact.finding in _DENIALS], rng)
    if fact is None:
        return None
    right = right_draft(facts, seed)
    return replace(right, findings=_with_line(right.findings, str(_pick(_DENIALS[fact.finding], rng)), rng))


def _compare(facts: frozenset[Fact], seed: int, rng: Rng) -> Draft:
    right, line = right_draft(facts, seed), str(_pick(_COMPARISONS, rng))
    if rng.integers(2):
        return replace(right, findings=_with_line(right.findings, line, rng))
    return replace(right, impression=_with_line(right.impression, line, rng))


def _say_something_else(facts: frozenset[Fact], seed: int, rng: Rng) -> Draft:
    right, text = right_draft(facts, seed), str(_pick(_NO_REPORTS, rng))
    return replace(right, findings=text) if rng.integers(2) else replace(right, impression=text)


def _cut(facts: frozenset[Fact], seed: int, rng: Rng) -> Draft:
    right = right_draft(facts, seed)
    lines = right.findings.splitlines()
    match int(rng.integers(3)):
        case 0:
            end = int(rng.integers(len(right.findings) // 2, len(right.findings)))
            return replace(right, findings=right.findings[:end], ended=FinishReason.LENGTH)
        case 1:
            return replace(right, findings="")
        case _:
            return replace(right, findings="\n".join([*lines, *lines[-1:] * 8]), ended=FinishReason.LENGTH)


_CODE = ConcernCode
KINDS = {
    "polarity flipped": Kind(_flip_polarity, frozenset({_CODE.POLARITY_DISAGREES})),
    "sick film called normal": Kind(_reassure, frozenset({_CODE.POLARITY_DISAGREES})),
    "side swapped": Kind(_swap_side, frozenset({_CODE.SIDE_DISAGREES})),
    "degree changed": Kind(_change_degree, frozenset({_CODE.DEGREE_DISAGREES})),
    # After dropping one of several equal findings, the rest differs in side or location; after a single one, the film
    # is normal.
    "finding dropped": Kind(
        _drop,
        frozenset({_CODE.DROPPED, _CODE.SIDE_DISAGREES, _CODE.PLACE_DISAGREES, _CODE.POLARITY_DISAGREES}),
    ),
    "finding invented": Kind(_invent, frozenset({_CODE.UNSUPPORTED, _CODE.POLARITY_DISAGREES})),
    "side removed": Kind(_remove_side, frozenset({_CODE.SIDE_MISSING})),
    "section contradicts itself": Kind(_contradict, frozenset({_CODE.CONTRADICTS_ITSELF})),
    "comparison with a prior": Kind(_compare, frozenset({_CODE.PRIOR_MENTIONED})),
    "not a report": Kind(_say_something_else, frozenset({_CODE.NOT_A_REPORT})),
    "section cut, empty or looping": Kind(_cut, frozenset({_CODE.SECTION_INCOMPLETE})),
}
