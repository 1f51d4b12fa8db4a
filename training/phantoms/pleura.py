"""Draws fluid, air and scars between lung and chest wall, and broken ribs: each sign as added density."""

from collections.abc import Callable

import numpy as np

from serve_app.domain.facts import Finding, Severity
from training.phantoms.anatomy import LUNG_BASE_Y, LUNG_HEIGHT, lateral_wall
from training.phantoms.plane import Plane, Thorax, between, soft
from training.phantoms.scene import Sign

# Level of the fluid as a share of the lung's height. The gaps separate the three amounts.
_LEVELS = {Severity.MILD: (0.15, 0.20), Severity.MODERATE: (0.32, 0.39), Severity.SEVERE: (0.53, 0.60)}


def effusion(sign: Sign, area: Thorax) -> Plane:
    """Fluid with a meniscus that climbs the wall; cut to the lungs by the caller."""
    level = between(_LEVELS[sign.fact.severity or Severity.MODERATE], sign.size)
    away = area.x * sign.direction
    surface = LUNG_BASE_Y - level * LUNG_HEIGHT - 0.07 * np.clip((away - 0.40) / 0.4, 0, 1) ** 2
    return 0.85 * soft(area.y - surface, 0.015) * (away > 0)


def pneumothorax(sign: Sign, area: Thorax) -> Plane:
    """Air without markings outside a fine line, the lung inside a little denser; if severe, it shrinks to the hilum."""
    away = area.x * sign.direction
    if sign.fact.severity is Severity.SEVERE:
        inside = between((0.20, 0.26), sign.size) - np.hypot(away - 0.22, 0.75 * (area.y - 0.46))
        collapsed = 0.34
    else:
        rim = between((0.10, 0.13), sign.size)
        top = area.y - 0.10 - between((0.09, 0.11), sign.size) - 0.5 * (away - 0.33) ** 2
        inside = np.minimum(lateral_wall(area.y) - away - rim, top)
        collapsed = 0.06
    line: Plane = 0.42 * soft(0.014 - np.abs(inside), 0.007)
    air: Plane = -0.15 * soft(-inside, 0.01)
    return (air + line + collapsed * soft(inside, 0.02)) * (away > 0.1)


def pleural_thickening(sign: Sign, area: Thorax) -> Plane:
    """A dense band along the chest wall."""
    away = area.x * sign.direction
    depth = lateral_wall(area.y) - away
    thickness = between((0.075, 0.095), sign.size) * (1 + 0.15 * np.sin(40 * area.y + 6.28 * sign.variation))
    top = between((0.26, 0.32), sign.y)
    return (
        0.70 * soft(thickness - depth, 0.012) * soft(area.y - top, 0.03) * soft(top + 0.34 - area.y, 0.03) * (away > 0)
    )


def rib_fracture(sign: Sign, area: Thorax) -> Plane:
    """Two neighbouring ribs near the wall, each broken into ends that have slipped past each other."""
    side, y = sign.direction, between((0.40, 0.50), sign.y)
    x = side * between((0.60, 0.66), sign.x)
    broken = area.empty()
    for height in (y, y + 0.085):
        inner = area.stroke([(x - side * 0.12, height - 0.028), (x + side * 0.015, height - 0.016)], 0.022)
        outer = area.stroke([(x - side * 0.005, height + 0.024), (x + side * 0.10, height + 0.052)], 0.022)
        broken = np.maximum(broken, np.maximum(inner, outer))
    return between((0.75, 0.9), sign.size) * broken


PAINTERS: dict[Finding, Callable[[Sign, Thorax], Plane]] = {
    Finding.EFFUSION: effusion,
    Finding.PNEUMOTHORAX: pneumothorax,
    Finding.PLEURAL_THICKENING: pleural_thickening,
    Finding.RIB_FRACTURE: rib_fracture,
}
