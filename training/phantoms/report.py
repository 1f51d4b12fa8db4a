"""Writes the report of a drawn film from its true facts: findings and impression as hyphen bullets, one statement each.

Defines the order of a report and which diagnoses follow from which facts. `wording` words each fact.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

import numpy as np

from serve_app.domain.facts import Fact, Finding, Location, Polarity, Severity, Side
from training.phantoms.wording import (
    AORTA_WIDE_AND_CALCIFIED,
    CONCLUSIONS,
    NORMAL,
    NORMAL_FILM,
    STATEMENTS,
    Style,
    draw_style,
    require_wording,
    state,
)

_LUNGS = (
    Finding.CONSOLIDATION,
    Finding.NODULE,
    Finding.MASS,
    Finding.CAVITY,
    Finding.CALCIFICATION,
    Finding.FIBROSIS,
    Finding.ATELECTASIS,
    Finding.EDEMA,
    Finding.EMPHYSEMA,
)
LUNG_FINDINGS = frozenset(_LUNGS)
_AORTA = (Finding.AORTIC_ENLARGEMENT, Finding.AORTIC_CALCIFICATION)
_PLEURA = (Finding.EFFUSION, Finding.PNEUMOTHORAX, Finding.PLEURAL_THICKENING)
_BONES = (Finding.RIB_FRACTURE, Finding.SCOLIOSIS)
_DEVICES = (
    Finding.PACEMAKER,
    Finding.STERNAL_WIRES,
    Finding.PROSTHETIC_VALVE,
    Finding.CENTRAL_VENOUS_CATHETER,
    Finding.ENDOTRACHEAL_TUBE,
    Finding.NASOGASTRIC_TUBE,
    Finding.CHEST_TUBE,
)
# Drawn reports must not change where the vocabulary grows or is sorted, so nothing here relies on an enum's order.
REPORT_ORDER = (
    *_LUNGS,
    *_PLEURA,
    Finding.ELEVATED_DIAPHRAGM,
    Finding.CARDIOMEGALY,
    *_AORTA,
    Finding.MEDIASTINAL_SHIFT,
    *_BONES,
    *_DEVICES,
)
_SIDES = (None, Side.RIGHT, Side.LEFT, Side.BILATERAL)
_LOCATIONS = (
    None,
    Location.APEX,
    Location.UPPER,
    Location.MIDDLE,
    Location.LOWER,
    Location.BASE,
    Location.HILUM,
    Location.PERIPHERY,
    Location.DIFFUSE,
)
_SEVERITIES = (None, Severity.MILD, Severity.MODERATE, Severity.SEVERE)

# Groups that a terse radiologist omits when they are normal.
_LEFT_OUT_WHEN_TERSE = frozenset({"diaphragm", "aorta", "bones", "devices"})
_SUSPICIONS = ("theo dõi", "nghi", "nghi ngờ", "khả năng", "hướng tới", "chưa loại trừ")
_DIAGNOSES = {
    Finding.HEART_FAILURE: ("suy tim",),
    Finding.PNEUMONIA: ("viêm phổi",),
    Finding.LUNG_TUMOR: ("u phổi",),
    Finding.TUBERCULOSIS: ("lao phổi",),
    Finding.COPD: ("COPD", "bệnh phổi tắc nghẽn mạn tính"),
}
_DIAGNOSIS_OF = {
    Finding.CONSOLIDATION: Finding.PNEUMONIA,
    Finding.NODULE: Finding.LUNG_TUMOR,
    Finding.MASS: Finding.LUNG_TUMOR,
    Finding.EMPHYSEMA: Finding.COPD,
}
_HEART_FAILURE_SIGNS = frozenset({Finding.EDEMA, Finding.CARDIOMEGALY})
# The most urgent first. Facts that point to one diagnosis share a line.
_URGENCY = (
    Finding.PNEUMOTHORAX,
    Finding.MEDIASTINAL_SHIFT,
    Finding.HEART_FAILURE,
    Finding.EDEMA,
    Finding.EFFUSION,
    Finding.PNEUMONIA,
    Finding.LUNG_TUMOR,
    Finding.TUBERCULOSIS,
    Finding.CAVITY,
    Finding.ATELECTASIS,
    Finding.RIB_FRACTURE,
    Finding.CARDIOMEGALY,
    Finding.AORTIC_ENLARGEMENT,
    Finding.AORTIC_CALCIFICATION,
    Finding.COPD,
    Finding.FIBROSIS,
    Finding.ELEVATED_DIAPHRAGM,
    Finding.PLEURAL_THICKENING,
    Finding.CALCIFICATION,
    Finding.SCOLIOSIS,
)


def merge_sides(facts: Collection[Fact]) -> frozenset[Fact]:
    """Keep the positive facts, and merge two that differ only in side into a bilateral one, as reports do."""
    seen = {fact for fact in facts if fact.polarity is Polarity.PRESENT}
    both = {
        replace(fact, side=Side.BILATERAL)
        for fact in seen
        if fact.side is Side.RIGHT and replace(fact, side=Side.LEFT) in seen
    }
    told = {replace(fact, side=side) for fact in both for side in (Side.RIGHT, Side.LEFT)}
    return frozenset((seen - told) | both)


def in_report_order(facts: Iterable[Fact]) -> list[Fact]:
    """Sort facts as in reports: by finding, then right, left, both, then from apex to base.

    Raises:
        ValueError: a finding outside `REPORT_ORDER`.
    """
    return sorted(facts, key=_rank)


def findings_text(facts: Collection[Fact], rng: np.random.Generator | None = None) -> str:
    """Write turn 1, from lungs to devices: the findings of each group, or that it is normal.

    Without a generator the wording is canonical; generators with one seed give both turns the same style.
    Raises: ValueError for a positive fact that has no wording.
    """
    seen, style = _worded(facts), draw_style(rng)
    groups = (_lungs(seen, style), _pleura(seen, style), _below_the_pleura(seen, style))
    return _bullets((line for group in groups for line in group), style)


def impression_text(facts: Collection[Fact], rng: np.random.Generator | None = None) -> str:
    """Write turn 2: the conclusions by urgency, each with the diagnosis that it suggests, devices last."""
    seen, style = _worded(facts), draw_style(rng)
    devices = [fact for fact in seen if fact.finding.is_device]
    lines = _conclusions([fact for fact in seen if not fact.finding.is_device], style)
    normal = [] if lines else [style.choose("normal film", NORMAL_FILM)]
    return _bullets([*lines, *normal, *(state(fact, style) for fact in devices)], style)


def suspected(facts: Collection[Fact]) -> frozenset[Finding]:
    """Return the diagnoses that an impression of these facts suspects."""
    seen = merge_sides(facts)
    return frozenset(topic for fact in seen if (topic := _points_to(fact, seen)) in _DIAGNOSES)


def _worded(facts: Collection[Fact]) -> list[Fact]:
    seen = merge_sides(facts)
    for fact in seen:
        require_wording(fact)
    return in_report_order(seen)


def _rank(fact: Fact) -> tuple[int, ...]:
    orders = (REPORT_ORDER, _SIDES, _LOCATIONS, _SEVERITIES)
    parts = (fact.finding, fact.side, fact.location, fact.severity)
    return tuple(order.index(part) for order, part in zip(orders, parts, strict=True))


def _lungs(seen: list[Fact], style: Style) -> Iterator[str]:
    lungs = [fact for fact in seen if fact.finding in LUNG_FINDINGS]
    beside = " beside the pleura" if any(fact.finding in _PLEURA[:2] for fact in seen) else ""
    if not lungs:
        yield style.choose("lungs", NORMAL["lungs" + beside])
        return
    sick = {fact.side for fact in lungs}
    for side, words in ((Side.RIGHT, " phải"), (Side.LEFT, " trái")):
        yield from (state(fact, style) for fact in lungs if fact.side is side)
        if sick == {Side.RIGHT, Side.LEFT} - {side}:
            yield style.choose("lung", NORMAL["lung" + beside]).format(side=words)
    yield from (state(fact, style) for fact in lungs if fact.side in (None, Side.BILATERAL))


def _pleura(seen: list[Fact], style: Style) -> Iterator[str]:
    yield from (state(fact, style) for fact in seen if fact.finding in _PLEURA)
    missing = [finding for finding in _PLEURA[:2] if all(fact.finding is not finding for fact in seen)]
    if len(missing) == 2:
        yield style.choose("pleura", NORMAL["pleura"])
    elif missing:
        yield style.choose("pleura", NORMAL[missing[0].value])


def _below_the_pleura(seen: list[Fact], style: Style) -> Iterator[str]:
    # A large effusion hides the diaphragm, so the report does not mention it.
    is_hidden = any(fact.finding is Finding.EFFUSION and fact.severity is not Severity.MILD for fact in seen)
    if not is_hidden or any(fact.finding is Finding.ELEVATED_DIAPHRAGM for fact in seen):
        yield from _group("diaphragm", (Finding.ELEVATED_DIAPHRAGM,), seen, style)
    yield from _group("heart", (Finding.CARDIOMEGALY,), seen, style)
    yield from _group("mediastinum", (Finding.MEDIASTINAL_SHIFT,), seen, style)
    yield from _group("aorta", _AORTA, seen, style)
    yield from _group("bones", _BONES, seen, style)
    yield from _group("devices", _DEVICES, seen, style)


def _group(name: str, findings: Collection[Finding], seen: list[Fact], style: Style) -> list[str]:
    lines = _statements([fact for fact in seen if fact.finding in findings], style)
    is_terse = style.choose("terse", (False, False, True))
    if lines or (is_terse and name in _LEFT_OUT_WHEN_TERSE):
        return lines
    return [style.choose(name, NORMAL[name])]


def _statements(facts: list[Fact], style: Style, wordings: dict[Finding, tuple[str, ...]] = STATEMENTS) -> list[str]:
    if tuple(fact.finding for fact in facts) == _AORTA:
        return [style.choose("aorta wide and calcified", AORTA_WIDE_AND_CALCIFIED)]
    return [state(fact, style, wordings) for fact in facts]


def _conclusions(facts: list[Fact], style: Style) -> list[str]:
    lines = []
    for topic in _URGENCY:
        statements = _statements([fact for fact in facts if _points_to(fact, facts) is topic], style, CONCLUSIONS)
        if statements and topic in _DIAGNOSES:
            suspicion = f"{style.choose('suspicion', _SUSPICIONS)} {style.choose(topic, _DIAGNOSES[topic])}"
            statements = [", ".join([*statements, suspicion])]
        lines += statements
    return lines


def _points_to(fact: Fact, facts: Collection[Fact]) -> Finding:
    """Return the diagnosis that a fact suggests, given the others, or its own finding."""
    present = {other.finding for other in facts}
    if fact.finding in _HEART_FAILURE_SIGNS and present >= _HEART_FAILURE_SIGNS:
        return Finding.HEART_FAILURE
    if fact.finding in (Finding.CAVITY, Finding.FIBROSIS) and fact.location in (Location.APEX, Location.UPPER):
        return Finding.TUBERCULOSIS
    if fact.finding in _AORTA and present.issuperset(_AORTA):
        return Finding.AORTIC_ENLARGEMENT
    return _DIAGNOSIS_OF.get(fact.finding, fact.finding)


def _bullets(statements: Iterable[str], style: Style) -> str:
    return "\n".join(f"- {style.sentence(statement)}" for statement in statements)
