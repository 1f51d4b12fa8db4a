"""Draws signs in the lungs: each as added density over the whole plane, before it is masked to the lungs."""

import math
from collections.abc import Callable

import numpy as np

from serve_app.domain.facts import Finding, Location, Severity, Side
from training.phantoms.anatomy import lateral_wall
from training.phantoms.plane import Plane, Point, Thorax, between, soft
from training.phantoms.scene import Sign

# Heights of the zones, and the smallest distance of a shadow from the midline there.
_ZONES = {
    Location.APEX: (0.145, 0.165),
    Location.UPPER: (0.23, 0.31),
    Location.MIDDLE: (0.40, 0.48),
    Location.LOWER: (0.56, 0.64),
}
_NEAREST_X = 0.37
# Because the heart is there.
_NEAREST_X_LEFT_LOWER = 0.53


def consolidation(sign: Sign, area: Thorax) -> Plane:
    """A patch with a ragged border, mottled."""
    radius = between((0.18, 0.23), sign.size)
    centre, phase = _place(sign, radius), 6.28 * sign.variation
    ragged = 0.06 * np.sin(11 * area.x + phase) * np.cos(17 * area.y - phase)
    mottle: Plane = 0.85 + 0.15 * np.sin(37 * area.x + 3 * phase) * np.sin(53 * area.y + phase)
    return 0.60 * soft(radius - area.distance(centre) - ragged, 0.09) * mottle


def nodule(sign: Sign, area: Thorax) -> Plane:
    """A small round shadow with a clear border."""
    radius = between((0.08, 0.095), sign.size)
    return between((0.85, 1.0), sign.variation) * area.disc(_place(sign, radius), radius, 0.015)


def mass(sign: Sign, area: Thorax) -> Plane:
    """A large dense shadow with a lobed border."""
    radius = between((0.145, 0.18), sign.size)
    centre = _place(sign, radius)
    angle = np.arctan2(area.aspect * (area.y - centre[1]), area.x - centre[0])
    lobes = 1 + 0.10 * np.cos(5 * angle + 6.28 * sign.variation)
    return 0.95 * soft(radius * lobes - area.distance(centre), 0.02)


def cavity(sign: Sign, area: Thorax) -> Plane:
    """A ring around air."""
    radius = between((0.11, 0.135), sign.size)
    centre = _place(sign, radius + 0.03)
    return 0.75 * area.ring(centre, radius, 0.028) - 0.06 * area.disc(centre, radius - 0.03, 0.02)


def calcification(sign: Sign, area: Thorax) -> Plane:
    """A few grains, close together and as bright as metal."""
    centre = _place(sign, 0.08)
    grains = area.empty()
    for number in range(5):
        angle = 6.28 * (sign.variation + number / 5)
        grain = centre[0] + 0.07 * math.cos(angle), centre[1] + 0.07 * math.sin(angle) / area.aspect
        grains = np.maximum(grains, area.disc(grain, between((0.028, 0.034), sign.size), 0.01))
    return 1.6 * grains


def fibrosis(sign: Sign, area: Thorax) -> Plane:
    """Streaks that run from the apex down and inwards."""
    side, height = sign.direction, between(_ZONES[Location.APEX], sign.y)
    streaks = [
        area.stroke([(side * start, height - 0.02), (side * (start - 0.10), height + 0.11)], 0.014)
        for start in (0.30, 0.39, 0.48)
    ]
    cap = 0.45 * area.disc((side * 0.36, height - 0.035), 0.10, 0.04)
    shown: Plane = np.maximum(between((0.8, 1.0), sign.size) * np.maximum.reduce(streaks), cap)
    return shown


def atelectasis(sign: Sign, area: Thorax) -> Plane:
    """A plate of collapsed lung above the diaphragm."""
    side, height = sign.direction, between((0.61, 0.65), sign.y)
    nearest = 0.44 if side > 0 else 0.26
    slope = between((-0.03, 0.03), sign.variation)
    half_width = between((0.026, 0.034), sign.size)
    return 0.75 * area.stroke([(side * nearest, height), (side * 0.74, height + slope)], half_width)


def edema(sign: Sign, area: Thorax) -> Plane:
    """Haze that spreads from the hila like wings; more of it if severe."""
    is_severe = sign.fact.severity is Severity.SEVERE
    reach, density = (0.36, 0.50) if is_severe else (0.25, 0.26)
    wings = soft(reach * between((0.95, 1.05), sign.size) - np.hypot(area.away - 0.34, 1.5 * (area.y - 0.47)), 0.14)
    phase = 6.28 * sign.variation
    patches: Plane = 0.8 + 0.2 * np.sin(29 * area.x + phase) * np.sin(41 * area.y - phase)
    return density * wings * patches


PAINTERS: dict[Finding, Callable[[Sign, Thorax], Plane]] = {
    Finding.CONSOLIDATION: consolidation,
    Finding.NODULE: nodule,
    Finding.MASS: mass,
    Finding.CAVITY: cavity,
    Finding.CALCIFICATION: calcification,
    Finding.FIBROSIS: fibrosis,
    Finding.ATELECTASIS: atelectasis,
    Finding.EDEMA: edema,
}


def _place(sign: Sign, radius: float) -> Point:
    """Return the centre of a shadow: at its zone's height, beside the mediastinum and inside the wall."""
    location = sign.fact.location or Location.MIDDLE
    y = between(_ZONES[location], sign.y)
    is_over_heart = location is Location.LOWER and sign.fact.side is Side.LEFT
    nearest = _NEAREST_X_LEFT_LOWER if is_over_heart else _NEAREST_X
    farthest = max(nearest + 0.01, float(lateral_wall(y)) - 0.6 * radius - 0.03)
    return sign.direction * between((nearest, farthest), sign.x), y
