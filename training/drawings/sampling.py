"""Chooses what a film shows: facts that can stand together, each with the numbers of its sign.

Knows nothing about pixels.
"""

import numpy as np

from serve_app.domain.facts import Fact, Finding, Location, Severity, Side
from training.drawings.scene import Scene, Sign, without
from training.drawings.technique import sample_technique

# Chance alone leaves some of the others empty: together about 0.12.
_NORMAL_SHARE = 0.06
_SIGN_SHARE = 0.065
_DEVICE_SHARE = 0.085
_THIRDS = (Location.UPPER, Location.MIDDLE, Location.LOWER)
_LOCATIONS: dict[Finding, tuple[Location, ...]] = {
    Finding.CONSOLIDATION: _THIRDS,
    Finding.NODULE: _THIRDS,
    Finding.MASS: _THIRDS,
    Finding.CAVITY: (Location.UPPER, Location.UPPER, Location.UPPER, Location.MIDDLE),
    Finding.ATELECTASIS: (Location.LOWER,),
    Finding.FIBROSIS: (Location.APEX,),
}
_MILD_OR_SEVERE = (Severity.MILD, Severity.SEVERE)
_SEVERITIES: dict[Finding, tuple[Severity, ...]] = {
    Finding.EFFUSION: tuple(Severity),
    Finding.PNEUMOTHORAX: _MILD_OR_SEVERE,
    Finding.EDEMA: _MILD_OR_SEVERE,
    Finding.CARDIOMEGALY: _MILD_OR_SEVERE,
}
_SIDED = (
    *(Finding.CONSOLIDATION, Finding.NODULE, Finding.MASS, Finding.CAVITY, Finding.CALCIFICATION, Finding.FIBROSIS),
    *(Finding.ATELECTASIS, Finding.EFFUSION, Finding.PNEUMOTHORAX, Finding.PLEURAL_THICKENING),
    *(Finding.ELEVATED_DIAPHRAGM, Finding.RIB_FRACTURE, Finding.MEDIASTINAL_SHIFT),
    *(Finding.PACEMAKER, Finding.CENTRAL_VENOUS_CATHETER, Finding.CHEST_TUBE),
)
_UNSIDED = (
    *(Finding.EDEMA, Finding.EMPHYSEMA, Finding.CARDIOMEGALY, Finding.AORTIC_ENLARGEMENT),
    *(Finding.AORTIC_CALCIFICATION, Finding.SCOLIOSIS, Finding.STERNAL_WIRES, Finding.PROSTHETIC_VALVE),
    *(Finding.ENDOTRACHEAL_TUBE, Finding.NASOGASTRIC_TUBE),
)
_BILATERAL = frozenset({Finding.EDEMA, Finding.EMPHYSEMA})
_LEFT_SHARE = {Finding.PACEMAKER: 0.75}
# Pairs that hide or contradict each other on one side (or anywhere, where one of them has no side).
_APART = frozenset(
    frozenset(pair)
    for pair in (
        (Finding.PNEUMOTHORAX, Finding.EFFUSION),
        (Finding.PNEUMOTHORAX, Finding.PLEURAL_THICKENING),
        (Finding.EMPHYSEMA, Finding.EDEMA),
        (Finding.EMPHYSEMA, Finding.CARDIOMEGALY),
        (Finding.EMPHYSEMA, Finding.ELEVATED_DIAPHRAGM),
        (Finding.EFFUSION, Finding.ATELECTASIS),
        (Finding.EFFUSION, Finding.ELEVATED_DIAPHRAGM),
        (Finding.ATELECTASIS, Finding.ELEVATED_DIAPHRAGM),
        (Finding.MEDIASTINAL_SHIFT, Finding.MEDIASTINAL_SHIFT),
    )
)


def sample(rng: np.random.Generator) -> Scene:
    """Draw what one film shows; about one film in eight is normal."""
    facts = [] if rng.random() < _NORMAL_SHARE else [fact for fact in _candidates(rng) if rng.random() < _share(fact)]
    return _scene(rng, facts)


def pair(rng: np.random.Generator) -> tuple[Scene, Scene]:
    """Draw two scenes that differ in one fact and nothing else: the first has it, the second has not."""
    candidates = _candidates(rng)
    wanted = candidates[int(rng.integers(len(candidates)))]
    others = [fact for fact in candidates if fact != wanted and rng.random() < _share(fact)]
    scene = _scene(rng, [wanted, *others])
    return scene, without(scene, wanted)


def _candidates(rng: np.random.Generator) -> list[Fact]:
    """Every finding and side once, its place and degree drawn, in an order drawn too."""
    facts = [_fact(rng, finding, side) for finding in _SIDED for side in (Side.RIGHT, Side.LEFT)]
    facts += [_fact(rng, finding, Side.BILATERAL if finding in _BILATERAL else None) for finding in _UNSIDED]
    return [facts[index] for index in rng.permutation(len(facts))]


def _fact(rng: np.random.Generator, finding: Finding, side: Side | None) -> Fact:
    places, degrees = _LOCATIONS.get(finding), _SEVERITIES.get(finding)
    location = places[int(rng.integers(len(places)))] if places else None
    severity = degrees[int(rng.integers(len(degrees)))] if degrees else None
    return Fact(finding, side=side, location=location, severity=severity)


def _share(fact: Fact) -> float:
    if not fact.finding.is_device:
        return _SIGN_SHARE
    if fact.side is None:
        return _DEVICE_SHARE
    left = _LEFT_SHARE.get(fact.finding, 0.5)
    return _DEVICE_SHARE * (left if fact.side is Side.LEFT else 1 - left)


def _scene(rng: np.random.Generator, facts: list[Fact]) -> Scene:
    kept: list[Fact] = []
    for fact in facts:
        if all(_can_stand_with(fact, other) for other in kept):
            kept.append(fact)
    signs = tuple(Sign(fact, *(float(number) for number in rng.random(4))) for fact in kept)
    return Scene(sample_technique(rng), signs)


def _can_stand_with(one: Fact, other: Fact) -> bool:
    sides = {one.side, other.side}
    is_apart = frozenset((one.finding, other.finding)) in _APART
    is_same_side = len(sides) == 1 or None in sides or Side.BILATERAL in sides
    return not (is_apart and (is_same_side or one.finding == other.finding))
