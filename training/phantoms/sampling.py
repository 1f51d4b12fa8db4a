"""Samples the content of a film: facts that can occur together, each with the parameters of its sign."""

import numpy as np

from serve_app.domain.facts import Fact, Finding, Location, Severity, Side
from training.phantoms.scene import Scene, Sign, without
from training.phantoms.technique import sample_technique

# Films that are made normal. With those that are normal by chance, about 0.12 of all.
_NORMAL_SHARE = 0.06
_SIGN_SHARE = 0.075
_DEVICE_SHARE = 0.085
_THIRDS = (Location.UPPER, Location.MIDDLE, Location.LOWER)
_LOCATIONS: dict[Finding, tuple[Location, ...]] = {
    Finding.CONSOLIDATION: _THIRDS,
    Finding.NODULE: _THIRDS,
    Finding.MASS: _THIRDS,
    Finding.CAVITY: (Location.UPPER, Location.UPPER, Location.UPPER, Location.MIDDLE),
    Finding.CALCIFICATION: (Location.UPPER, Location.MIDDLE),
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
_LEFT_SHARES = {Finding.PACEMAKER: 0.6}
# Pairs that hide or contradict each other on one side (or on any side, if one of them has no side).
_APART = frozenset(
    frozenset(pair)
    for pair in (
        (Finding.PNEUMOTHORAX, Finding.EFFUSION),
        (Finding.PNEUMOTHORAX, Finding.PLEURAL_THICKENING),
        (Finding.PNEUMOTHORAX, Finding.EDEMA),
        (Finding.PNEUMOTHORAX, Finding.EMPHYSEMA),
        (Finding.EMPHYSEMA, Finding.EDEMA),
        (Finding.EMPHYSEMA, Finding.EFFUSION),
        (Finding.EMPHYSEMA, Finding.CARDIOMEGALY),
        (Finding.EMPHYSEMA, Finding.ELEVATED_DIAPHRAGM),
        (Finding.EFFUSION, Finding.ATELECTASIS),
        (Finding.EFFUSION, Finding.ELEVATED_DIAPHRAGM),
        (Finding.EFFUSION, Finding.PLEURAL_THICKENING),
        (Finding.ATELECTASIS, Finding.ELEVATED_DIAPHRAGM),
        (Finding.PLEURAL_THICKENING, Finding.RIB_FRACTURE),
        (Finding.MEDIASTINAL_SHIFT, Finding.MEDIASTINAL_SHIFT),
        (Finding.MEDIASTINAL_SHIFT, Finding.CARDIOMEGALY),
        (Finding.MEDIASTINAL_SHIFT, Finding.SCOLIOSIS),
        (Finding.PACEMAKER, Finding.PACEMAKER),
    )
)
_WHOLE_LUNG = frozenset(Location)
# Zones of the lung that a sign covers on its side, where no other shadow is visible.
_COVERED: dict[tuple[Finding, Severity | None], frozenset[Location]] = {
    (Finding.EFFUSION, Severity.MILD): frozenset({Location.LOWER}),
    (Finding.EFFUSION, Severity.MODERATE): frozenset({Location.LOWER}),
    (Finding.EFFUSION, Severity.SEVERE): frozenset({Location.LOWER, Location.MIDDLE}),
    (Finding.PNEUMOTHORAX, Severity.MILD): frozenset({Location.APEX, Location.UPPER}),
    (Finding.PNEUMOTHORAX, Severity.SEVERE): _WHOLE_LUNG,
    (Finding.EDEMA, Severity.MILD): frozenset({Location.MIDDLE}),
    (Finding.EDEMA, Severity.SEVERE): frozenset({Location.MIDDLE, Location.LOWER}),
    (Finding.ELEVATED_DIAPHRAGM, None): frozenset({Location.LOWER}),
    (Finding.PACEMAKER, None): frozenset({Location.APEX, Location.UPPER}),
}
_COVERED_BY_THE_HEART = {
    Severity.MILD: frozenset({Location.LOWER}),
    Severity.SEVERE: frozenset({Location.LOWER, Location.MIDDLE}),
}


def sample(rng: np.random.Generator, crowding: float = 1.0) -> Scene:
    """Sample one film's content. About one film in nine is normal. `crowding` multiplies each fact's probability."""
    is_normal = rng.random() < _NORMAL_SHARE
    facts = [] if is_normal else [fact for fact in _candidates(rng) if rng.random() < crowding * _share(fact)]
    return _scene(rng, facts)


def pair(rng: np.random.Generator) -> tuple[Scene, Scene]:
    """Sample two scenes that differ in exactly one fact, which only the first has."""
    candidates = _candidates(rng)
    wanted = candidates[int(rng.integers(len(candidates)))]
    others = [fact for fact in candidates if fact != wanted and rng.random() < _share(fact)]
    scene = _scene(rng, [wanted, *others])
    return scene, without(scene, wanted)


def every_fact() -> list[Fact]:
    """List every fact that a film can show, in a fixed order."""
    sided = [(finding, side) for finding in _SIDED for side in (Side.RIGHT, Side.LEFT)]
    unsided = [(finding, Side.BILATERAL if finding in _BILATERAL else None) for finding in _UNSIDED]
    return [
        Fact(finding, side=side, location=location, severity=severity)
        for finding, side in (*sided, *unsided)
        for location in dict.fromkeys(_LOCATIONS.get(finding, (None,)))
        for severity in _SEVERITIES.get(finding, (None,))
    ]


def _candidates(rng: np.random.Generator) -> list[Fact]:
    """Return every finding and side once, with random location and severity, in random order."""
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
    left = _LEFT_SHARES.get(fact.finding, 0.5)
    return _DEVICE_SHARE * (left if fact.side is Side.LEFT else 1 - left)


def _scene(rng: np.random.Generator, facts: list[Fact]) -> Scene:
    kept: list[Fact] = []
    for fact in facts:
        if all(_can_stand_with(fact, other) for other in kept):
            kept.append(fact)
    signs = tuple(Sign(fact, *(float(number) for number in rng.random(4))) for fact in kept)
    return Scene(sample_technique(rng), signs)


def _can_stand_with(one: Fact, other: Fact) -> bool:
    return not (_are_apart(one, other) or _covers(one, other) or _covers(other, one))


def _are_apart(one: Fact, other: Fact) -> bool:
    is_apart = frozenset((one.finding, other.finding)) in _APART
    return is_apart and (_meet(one.side, other.side) or one.finding == other.finding)


def _covers(one: Fact, other: Fact) -> bool:
    """Whether the first fact hides the place of the other."""
    if other.location is None:
        return False
    if one.finding is Finding.CARDIOMEGALY and one.severity is not None:
        return other.side is Side.LEFT and other.location in _COVERED_BY_THE_HEART[one.severity]
    covered = _COVERED.get((one.finding, one.severity), frozenset())
    return _meet(one.side, other.side) and (other.location in covered or other.location is one.location)


def _meet(one: Side | None, other: Side | None) -> bool:
    return one is other or None in (one, other) or Side.BILATERAL in (one, other)
