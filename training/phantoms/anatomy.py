"""Draws the chest itself: soft tissue, lungs, heart, vessels and bones, as the facts change them.

Densities add up. Lesions, fluids and devices are drawn elsewhere.
"""

import math
from dataclasses import dataclass
from typing import overload

import numpy as np

from serve_app.domain.facts import Finding, Severity, Side
from training.phantoms.plane import Plane, Thorax, between, soft
from training.phantoms.scene import Scene, Sign
from training.phantoms.technique import Technique

LUNG_HEIGHT = 0.72
LUNG_BASE_Y = 0.82
# Cardiothoracic ratios, without overlap with each other or with the normal ones of `technique`.
_HEART_RATIOS = {Severity.MILD: (0.53, 0.56), Severity.SEVERE: (0.62, 0.67)}
_NORMAL_AORTA, _WIDE_AORTA = 0.11, (0.175, 0.20)
_RAISE = (0.095, 0.125)
_MEDIASTINAL_SHIFT = (0.14, 0.18)
_SPINE_CURVE = (0.15, 0.18)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The build of one chest, in thorax coordinates. `raised` has one value per side (image left, image right)."""

    heart_ratio: float
    aorta_radius: float = _NORMAL_AORTA
    shift_x: float = 0.0
    spine_curve: float = 0.0
    raised: tuple[float, float] = (0.0, 0.0)
    is_overinflated: bool = False


def anatomy_of(scene: Scene) -> Anatomy:
    """Derive the chest from a scene's facts."""
    signs = {sign.fact.finding: sign for sign in scene.signs}
    raised = {sign.fact.side: between(_RAISE, sign.size) for sign in scene.signs if _raises(sign)}
    is_overinflated = Finding.EMPHYSEMA in signs
    return Anatomy(
        heart_ratio=_heart_ratio(signs.get(Finding.CARDIOMEGALY), scene.technique) * (0.85 if is_overinflated else 1),
        aorta_radius=_size(signs.get(Finding.AORTIC_ENLARGEMENT), _WIDE_AORTA, _NORMAL_AORTA),
        shift_x=_toward(signs.get(Finding.MEDIASTINAL_SHIFT), _MEDIASTINAL_SHIFT),
        spine_curve=_size(signs.get(Finding.SCOLIOSIS), _SPINE_CURVE, 0.0) * _handedness(signs.get(Finding.SCOLIOSIS)),
        raised=(raised.get(Side.RIGHT, 0.0), raised.get(Side.LEFT, 0.0)),
        is_overinflated=is_overinflated,
    )


def aorta_centre(anatomy: Anatomy) -> tuple[float, float]:
    """Return the position of the aortic knob; a wide one reaches further to the patient's left."""
    return 0.13 + 0.8 * (anatomy.aorta_radius - _NORMAL_AORTA) + anatomy.shift_x, 0.30


def lungs(area: Thorax, technique: Technique, anatomy: Anatomy) -> Plane:
    """Mask both lungs, 0 to 1."""
    medial = np.abs(area.x - anatomy.shift_x)
    apex = 0.09 + 0.9 * (area.away - 0.33) ** 2
    inside = soft(lateral_wall(area.y) - area.away, 0.025) * soft(medial - 0.13, 0.02)
    return inside * soft(area.y - apex, 0.02) * soft(diaphragm(area, technique, anatomy) - area.y, 0.008)


@overload
def lateral_wall(y: Plane) -> Plane: ...
@overload
def lateral_wall(y: float) -> np.floating: ...
def lateral_wall(y: Plane | float) -> Plane | np.floating:
    """Return the distance of the chest wall from the midline at a height."""
    along = np.clip((y - 0.08) / LUNG_HEIGHT, 0, 1)
    wall: Plane | np.floating = 0.38 + 0.43 * np.sin(np.minimum(1, along * 1.4) * (math.pi / 2))
    return wall


def diaphragm(area: Thorax, technique: Technique, anatomy: Anatomy) -> Plane:
    """Return the height of both domes: the right one slightly higher; flat and low if the lungs are overinflated."""
    is_left = area.x > 0
    raised: Plane = np.where(is_left, anatomy.raised[1], anatomy.raised[0])
    if anatomy.is_overinflated:
        return 0.815 + 0.05 * (area.away - 0.42) ** 2 + 0 * area.y
    return 0.745 + technique.inspiration + 0.02 * is_left + 0.6 * (area.away - 0.42) ** 2 - raised


def chest(area: Thorax, technique: Technique, anatomy: Anatomy, lung: Plane) -> Plane:
    """Sum the density of a chest without lesions, fluids or devices."""
    away, y = area.away, area.y
    shoulders: Plane = 0.28 + 4.0 * np.clip(y - 0.01, 0, 1)
    arms: Plane = 0.93 + 0.4 * np.clip(0.42 - y, 0, 1) + 0.02 * np.cos(6 * y)
    body = soft(np.minimum(shoulders, arms) - away, 0.02)
    air = 0.92 if anatomy.is_overinflated else 0.82
    tissue: Plane = body * (0.95 + 0.25 * soft(y - 0.78, 0.1)) - air * lung
    breasts: Plane = technique.breast_density * soft(0.2 - np.hypot(away - 0.45, 1.3 * (y - 0.72)), 0.12)
    return tissue + breasts * body + _middle(area, anatomy, lung) + _bones(area, technique, anatomy, lung, body)


def heart(area: Thorax, anatomy: Anatomy) -> Plane:
    """Mask the heart, 0 to 1: the inner chest is 1.6 wide, about a third of the heart lies right of the midline."""
    width = 1.6 * anatomy.heart_ratio
    centre_x, centre_y = width * 0.17 + anatomy.shift_x, 0.625 - 0.04 * (anatomy.heart_ratio - 0.4)
    tilt = 0.35
    along = (area.x - centre_x) * math.cos(tilt) + 1.8 * (area.y - centre_y) * math.sin(tilt)
    across = -(area.x - centre_x) * math.sin(tilt) + 1.8 * (area.y - centre_y) * math.cos(tilt)
    return soft(1 - np.hypot(along / (width * 0.52), across / (width * 0.40 + 0.05)), 0.05)


def spine_x(y: Plane, anatomy: Anatomy) -> Plane:
    """Return the spine's distance from the midline at a height; a curved spine has two bows."""
    bows: Plane = np.sin((y - 0.1) * (2 * math.pi / 0.75))
    return anatomy.spine_curve * bows


def _middle(area: Thorax, anatomy: Anatomy, lung: Plane) -> Plane:
    """Mediastinum with windpipe, aorta, hila, vessels and heart."""
    x, y = area.x - anatomy.shift_x, area.y
    away = np.abs(x)
    mediastinum = 0.30 * soft(0.15 - away, 0.05) * soft(y - 0.05, 0.1)
    windpipe = -0.22 * soft(0.035 - away, 0.015) * soft(y - 0.0, 0.03) * soft(0.33 - y, 0.03)
    density = 0.25 if anatomy.aorta_radius == _NORMAL_AORTA else 0.50
    aorta = density * area.disc(aorta_centre(anatomy), anatomy.aorta_radius, 0.04)
    hila: Plane = 0.22 * soft(0.16 - np.hypot(away - 0.2, 1.6 * (y - 0.43)), 0.1)
    heart_density = 0.60 * heart(area, anatomy) * (0.2 + 0.8 * lung)
    fading = 0.04 if anatomy.is_overinflated else 0.10
    vessels: Plane = lung * fading * np.clip(1.2 - 1.8 * np.hypot(away - 0.15, y - 0.45), 0, 1)
    return mediastinum + windpipe + aorta + hila + heart_density + vessels


def _bones(area: Thorax, technique: Technique, anatomy: Anatomy, lung: Plane, body: Plane) -> Plane:
    away, y = area.away, area.y
    turns = (y + 0.28 * (away - 0.45) ** 2 - 0.10 * away) / technique.rib_pitch + technique.rib_phase
    posterior = soft(np.cos(2 * math.pi * turns) - 0.35, 0.35)
    front_turns = (y - 0.30 * away) / (technique.rib_pitch * 1.25) + technique.rib_phase
    anterior = soft(np.cos(2 * math.pi * front_turns) - 0.55, 0.3) * soft(away - 0.38, 0.1)
    cage = soft(0.88 - away, 0.02) * soft(y - 0.1, 0.03) * soft(0.86 - y, 0.05) * (0.35 + 0.65 * lung)
    clavicle = soft(0.022 - np.abs(y - 0.185 + 0.12 * away + 0.03 * np.sin(5 * away)), 0.01) * soft(0.72 - away, 0.03)
    vertebrae: Plane = 0.6 + 0.4 * np.cos(2 * math.pi * (y / 0.062 + technique.rib_phase))
    spine = soft(0.085 - np.abs(area.x - spine_x(y, anatomy)), 0.02) * vertebrae * body
    return cage * body * (0.13 * posterior + 0.07 * anterior) + 0.20 * clavicle * body + 0.36 * spine


def _raises(sign: Sign) -> bool:
    return sign.fact.finding is Finding.ELEVATED_DIAPHRAGM


def _heart_ratio(sign: Sign | None, technique: Technique) -> float:
    if sign is None:
        return technique.heart_ratio
    return between(_HEART_RATIOS[sign.fact.severity or Severity.SEVERE], sign.size)


def _size(sign: Sign | None, bounds: tuple[float, float], without: float) -> float:
    return without if sign is None else between(bounds, sign.size)


def _handedness(sign: Sign | None) -> int:
    return -1 if sign is not None and sign.variation < 0.5 else 1


def _toward(sign: Sign | None, bounds: tuple[float, float]) -> float:
    if sign is None:
        return 0.0
    return between(bounds, sign.size) * sign.direction
