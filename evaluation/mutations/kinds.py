"""The ways in which drafts go wrong, each a function from a run to a run, with the gate that is to catch it."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from evaluation.baselines import NORMAL_REPORT
from evaluation.columns import read_both
from evaluation.metrics.facts import present
from evaluation.metrics.significance import CRITICAL, Significance, significance
from evaluation.mutations.rewriting import (
    Rewrite,
    both,
    exchanged,
    instead_of,
    reworded,
    with_statement,
    without,
    without_clauses,
)
from evaluation.predictions import Prediction, Text
from serve_app.domain.facts import BONES, LUNG_DISEASES, Fact, Finding, Polarity
from serve_app.domain.report import SectionStatus

Run = Sequence[Prediction]
Mutate = Callable[[Run], list[Prediction]]

_SIDES = exchanged(("phải", "trái"), ("(p)", "(t)"), ("p", "t"))
_DEGREES = exchanged(("lượng ít", "lượng nhiều"), ("nhẹ", "nặng"), ("mức độ nhẹ", "mức độ nhiều"))
_PLACES = exchanged(("trên", "dưới"), ("đỉnh", "đáy"))
_DIAGNOSES = {
    "viêm phổi": "lao phổi",
    "lao phổi": "u phổi",
    "u phổi": "viêm phổi",
    "suy tim": "COPD",
    "copd": "suy tim",
    "bệnh phổi tắc nghẽn mạn tính": "suy tim",
}
_SUSPICIONS = ("theo dõi", "td", "nghi ngờ", "nghi", "khả năng", "hướng tới", "chưa loại trừ")
_OUT_OF_PLACE = frozenset({Finding.PNEUMOPERITONEUM, Finding.PNEUMOMEDIASTINUM, Finding.MALPOSITIONED_TUBE})
_ENGLISH = "The heart is enlarged. There is a right pleural effusion. No pneumothorax."
_EVERYTHING = "Viêm phổi phải. Lao phổi. U phổi trái. Suy tim. COPD. Tràn dịch màng phổi hai bên. Gãy xương sườn trái."


@dataclass(frozen=True, slots=True)
class Mutation:
    """A way to go wrong, and the figure whose gate must fail."""

    mutate: Mutate
    caught_by: str


def _each(change: Callable[[Text], Text]) -> Mutate:
    return lambda run: [one if one.draft is None else replace(one, draft=change(one.draft)) for one in run]


def _in_both(rewrite: Rewrite) -> Mutate:
    return _each(lambda draft: both(draft, rewrite))


def _in_findings(rewrite: Rewrite) -> Mutate:
    return _each(lambda draft: replace(draft, findings=rewrite(draft.findings)))


def _in_impression(rewrite: Rewrite) -> Mutate:
    return _each(lambda draft: replace(draft, impression=rewrite(draft.impression)))


def _one_in(number: int, mutate: Mutate) -> Mutate:
    """Make every `number`th sick study wrong."""

    def mutated(run: Run) -> list[Prediction]:
        chosen = [one.study_id for one in run if _is_sick(one)][::number]
        wrong = {one.study_id: one for one in mutate([one for one in run if one.study_id in chosen])}
        return [wrong.get(one.study_id, one) for one in run]

    return mutated


def _is_sick(one: Prediction) -> bool:
    facts = present(read_both(one.reference))
    return any(significance(fact).value >= Significance.ACTIONABLE.value for fact in facts)


def _from_another_patient(run: Run) -> list[Prediction]:
    return [replace(one, draft=other.draft) for one, other in zip(run, [*run[1:], run[0]], strict=True)]


def _impressions_from_another_patient(run: Run) -> list[Prediction]:
    return [
        replace(one, draft=replace(one.draft, impression=other.draft.impression))
        for one, other in zip(run, [*run[1:], run[0]], strict=True)
        if one.draft and other.draft
    ]


def _failing_where_sick(run: Run) -> list[Prediction]:
    return [replace(one, draft=None, error_code="timeout") if _is_sick(one) else one for one in run]


def _cut(draft: Text) -> Text:
    half = draft.findings[: len(draft.findings) // 2]
    return replace(draft, findings=half, findings_status=SectionStatus.TRUNCATED.value)


def _looping(draft: Text) -> Text:
    return replace(draft, impression="\n".join([draft.impression] * 5))


def _is_present(fact: Fact) -> bool:
    return fact.polarity is Polarity.PRESENT


def _is_critical(fact: Fact) -> bool:
    return _is_present(fact) and fact.finding in CRITICAL


def _is_out_of_place(fact: Fact) -> bool:
    return _is_critical(fact) and fact.finding in _OUT_OF_PLACE


def _is_diagnosis(fact: Fact) -> bool:
    return fact.finding in LUNG_DISEASES | {Finding.HEART_FAILURE}


def _is_device(fact: Fact) -> bool:
    return _is_present(fact) and fact.finding.is_device


def _is_bone(fact: Fact) -> bool:
    return _is_present(fact) and fact.finding in BONES


def _is_lung_or_pleura(fact: Fact) -> bool:
    return _is_present(fact) and not fact.finding.is_device and fact.finding not in BONES


def _bare(text: str) -> str:
    letters = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _nothing(_: str) -> str:
    return ""


_NORMAL = NORMAL_REPORT.impression
_ALL_NORMAL = _each(lambda draft: replace(draft, findings=NORMAL_REPORT.findings, impression=_NORMAL))
MUTATIONS: Mapping[str, Mutation] = {
    "every impression says normal": Mutation(_in_impression(lambda _: _NORMAL), "false_reassurance_ratio"),
    "one impression in twenty of the sick says normal": Mutation(
        _one_in(20, _in_impression(lambda _: _NORMAL)), "false_reassurance_ratio"
    ),
    "every draft is the normal report": Mutation(_ALL_NORMAL, "false_reassurance_ratio"),
    "one draft in twenty of the sick is the normal report": Mutation(
        _one_in(20, _ALL_NORMAL), "false_reassurance_ratio"
    ),
    "findings are the normal report's": Mutation(_in_findings(lambda _: NORMAL_REPORT.findings), "contradiction_ratio"),
    "impressions are empty": Mutation(_in_impression(_nothing), "incomplete_section_ratio"),
    "findings are empty": Mutation(_in_findings(_nothing), "incomplete_section_ratio"),
    "findings are cut in half": Mutation(_each(_cut), "incomplete_section_ratio"),
    "impressions loop": Mutation(_each(_looping), "incomplete_section_ratio"),
    "sides are exchanged": Mutation(_in_both(_SIDES), "side_flip_ratio"),
    "sides are exchanged in findings": Mutation(_in_findings(_SIDES), "findings_f1_side"),
    "sides are exchanged in impressions": Mutation(_in_impression(_SIDES), "high_concern_ratio"),
    "one draft in ten of the sick has its sides exchanged": Mutation(_one_in(10, _in_both(_SIDES)), "fact_f1_side"),
    "sides are left out": Mutation(
        _in_both(reworded(dict.fromkeys(("phải", "trái", "(p)", "(t)", "p", "t"), ""))), "fact_f1_side"
    ),
    "degrees are exchanged": Mutation(_in_both(_DEGREES), "degree_error_ratio"),
    "degrees are left out": Mutation(
        _in_both(reworded(dict.fromkeys(("lượng ít", "lượng nhiều", "lượng vừa", "nhẹ", "nặng", "rõ", "nhiều"), ""))),
        "degree_error_ratio",
    ),
    "places are exchanged": Mutation(_in_both(_PLACES), "place_error_ratio"),
    "diagnoses are exchanged": Mutation(_in_both(reworded(_DIAGNOSES)), "diagnosis_f1"),
    "diagnoses are left out": Mutation(_in_both(without_clauses(_is_diagnosis)), "diagnosis_f1"),
    "suspicions become certain": Mutation(_in_both(reworded(dict.fromkeys(_SUSPICIONS, ""))), "uncertain_f1"),
    "certain findings become suspicions": Mutation(
        _in_both(instead_of(_is_lung_or_pleura, "theo dõi {}")), "uncertain_f1"
    ),
    "critical findings are left out": Mutation(_in_both(without(_is_critical)), "critical_recall"),
    "critical findings are denied": Mutation(
        _in_both(instead_of(_is_critical, "Không tràn khí màng phổi, trung thất không di lệch.")), "critical_recall"
    ),
    "free air and misplaced tubes are left out": Mutation(_in_both(without(_is_out_of_place)), "critical_recall"),
    "misplaced tubes are called well placed": Mutation(
        _in_both(instead_of(lambda fact: fact.finding is Finding.MALPOSITIONED_TUBE, "Ống đúng vị trí.")),
        "critical_recall",
    ),
    "critical findings are invented": Mutation(
        _in_both(with_statement("Tràn khí màng phổi phải lượng nhiều.")), "critical_precision"
    ),
    "findings are denied": Mutation(_in_both(instead_of(_is_lung_or_pleura, "không thấy {}")), "contradiction_ratio"),
    "denials become findings": Mutation(
        _in_both(reworded({"không thấy": "thấy", "không có": "có", "không": "có"})), "contradiction_ratio"
    ),
    "what is absent is left out": Mutation(
        _in_both(without(lambda fact: fact.polarity is Polarity.ABSENT)), "all_fact_f1_side"
    ),
    "findings are called something": Mutation(
        _in_both(instead_of(_is_lung_or_pleura, "Có tổn thương phổi.")), "fact_f1_side"
    ),
    "masses are called nodules": Mutation(_in_both(reworded({"khối": "nốt"})), "significance_score"),
    "bones are left out": Mutation(_in_both(without(_is_bone)), "fact_f1_side"),
    "devices are left out": Mutation(_in_both(without(_is_device)), "fact_f1_side"),
    "devices are invented": Mutation(_in_both(with_statement("Máy tạo nhịp bên trái.")), "fact_f1_side"),
    "everything is suspected": Mutation(_in_impression(lambda _: _EVERYTHING), "diagnosis_f1"),
    "drafts are another patient's": Mutation(_from_another_patient, "fact_f1_side"),
    "impressions are another patient's": Mutation(_impressions_from_another_patient, "impression_f1_side"),
    "impressions contradict their findings": Mutation(
        _in_impression(with_statement("Không tràn dịch, tràn khí màng phổi. Bóng tim không to.")), "high_concern_ratio"
    ),
    "findings are compared with a film that nobody gave": Mutation(
        _in_findings(with_statement("Không thay đổi so với phim cũ.")), "medium_concern_ratio"
    ),
    "findings end in words that are not read": Mutation(
        _in_findings(with_statement("Bệnh nhân có nhiều điểm cần lưu ý thêm.")), "unread_sentence_ratio"
    ),
    "drafts are in English": Mutation(
        _each(lambda draft: replace(draft, findings=_ENGLISH, impression=_ENGLISH)), "fact_f1_side"
    ),
    "drafts have no diacritics": Mutation(_in_both(_bare), "rouge_l"),
    "sick films fail": Mutation(_failing_where_sick, "failed_ratio"),
}
"""By name, in the order of the published table."""
