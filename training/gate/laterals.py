"""Draws chests from the side."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.gate.shapes import Canvas, Plane, cloud, expose, soft

Rng = np.random.Generator
Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Trunk:
    """The outline from the side, chest to the right: where front and back lie on each row, and the dome below."""

    front: Plane
    back: Plane
    dome: Plane

    @classmethod
    def of(cls, canvas: Canvas, rng: Rng) -> "_Trunk":
        slope, depth = rng.uniform(0.05, 0.35), rng.uniform(0.5, 0.75)
        front = depth + slope * np.clip(canvas.y, -1, 0.6) - rng.uniform(0.1, 0.4) * soft(-0.85 - canvas.y, 0.3)
        back = -depth - rng.uniform(-0.05, 0.15) * np.cos(1.6 * canvas.y - rng.uniform(-0.3, 0.6))
        height, tilt = rng.uniform(0.25, 0.7), rng.uniform(0.1, 0.5)
        dome = height - tilt * canvas.x + rng.uniform(0.2, 0.8) * (canvas.x - 0.1) ** 2
        return cls(front, back, dome)


def lateral_chest(rng: Rng) -> Picture:
    """Draw a chest from the side: spine behind, one field of both lungs, heart in front, domes below, arms raised."""
    canvas = _canvas(rng)
    trunk = _Trunk.of(canvas, rng)
    middle, half = (trunk.front + trunk.back) / 2, (trunk.front - trunk.back) / 2
    thickness = np.sqrt(np.maximum(0, 1 - ((canvas.x - middle) / half) ** 2))
    lung = _lung(canvas, trunk, rng)
    density = (0.55 + 0.45 * thickness) * soft(half - np.abs(canvas.x - middle), rng.uniform(0.02, 0.06))
    density -= rng.uniform(0.4, 0.7) * lung
    density += lung * (_heart(canvas, rng) + _vessels(canvas, rng)) + _bones(canvas, trunk, rng) + _beside(canvas, rng)
    density += soft(canvas.y - trunk.dome, 0.05) * thickness * (rng.uniform(0, 0.4) - _gas(canvas, rng))
    exposed = expose(np.maximum(density + rng.uniform(0.01, 0.06) * cloud(rng, canvas.shape, 0.2) * thickness, 0), rng)
    return exposed if rng.random() < 0.5 else np.ascontiguousarray(exposed[:, ::-1])


def _canvas(rng: Rng) -> Canvas:
    return Canvas.of(int(rng.integers(130, 170)), int(rng.integers(115, 150)))


def _lung(canvas: Canvas, trunk: _Trunk, rng: Rng) -> Plane:
    wall = rng.uniform(0.06, 0.18)
    sides = soft(trunk.front - wall - canvas.x, 0.04) * soft(canvas.x - trunk.back - wall * rng.uniform(0.6, 1.8), 0.05)
    apex = canvas.disc((rng.uniform(-0.2, 0.0), 0.15), (rng.uniform(0.7, 0.95), rng.uniform(0.95, 1.2)), edge=0.1)
    return sides * apex * soft(trunk.dome - canvas.y, rng.uniform(0.02, 0.06))


def _heart(canvas: Canvas, rng: Rng) -> Plane:
    """Draw the heart, and whatever fills a lobe in some."""
    spot, size = (rng.uniform(0.1, 0.4), rng.uniform(0.1, 0.5)), rng.uniform(0.25, 0.45)
    heart = rng.uniform(0.2, 0.5) * canvas.ball(spot, (size, size * rng.uniform(0.8, 1.3)), rng.uniform(0.2, 0.9))
    for _ in range(int(rng.choice([0, 0, 1, 3]))):
        where = (rng.uniform(-0.5, 0.4), rng.uniform(-0.6, 0.6))
        heart += rng.uniform(0.1, 0.4) * canvas.disc(where, (rng.uniform(0.1, 0.4), rng.uniform(0.1, 0.3)), edge=0.1)
    return heart


def _vessels(canvas: Canvas, rng: Rng) -> Plane:
    """Draw hilum, windpipe, the aorta's arch, and branches outwards."""
    hilum = (rng.uniform(-0.1, 0.15), rng.uniform(-0.25, 0.1))
    drawn = rng.uniform(0.1, 0.35) * canvas.disc(hilum, (0.12, 0.16), edge=0.08)
    drawn -= rng.uniform(0, 0.3) * canvas.line((hilum[0] - 0.02, -1.0), hilum, 0.1, 0.03)
    arch = np.abs(canvas.radius((hilum[0] - 0.1, hilum[1] - 0.1), (0.28, 0.3)) - 1)
    drawn += rng.uniform(0, 0.2) * soft(0.2 - arch, 0.1)
    for angle in rng.uniform(0, 2 * math.pi, int(rng.integers(4, 12))):
        end = (hilum[0] + 0.7 * math.cos(angle), hilum[1] + 0.7 * math.sin(angle))
        drawn += rng.uniform(0.05, 0.15) * canvas.line(hilum, end, 0.03, 0.02)
    return drawn


def _bones(canvas: Canvas, trunk: _Trunk, rng: Rng) -> Plane:
    """Draw the vertebrae along the back, the breastbone along the front, and ribs between them."""
    inset, width, beat = rng.uniform(0.12, 0.25), rng.uniform(0.08, 0.14), rng.uniform(14, 24)
    column = soft(width - np.abs(canvas.x - trunk.back - inset), 0.03)
    drawn = rng.uniform(0.1, 0.4) * column * (0.6 + 0.4 * np.cos(beat * canvas.y + 2 * canvas.x))
    drawn += rng.uniform(0, 0.3) * soft(0.03 - np.abs(canvas.x - trunk.front + 0.05), 0.02)
    for start in np.arange(-1.0, 0.9, rng.uniform(0.14, 0.24)):
        end = float(start) + rng.uniform(0.25, 0.5)
        drawn += rng.uniform(0.02, 0.1) * canvas.line((-0.55, float(start)), (0.6, end), 0.05, 0.03)
    inside = soft(canvas.x - trunk.back, 0.03) * soft(trunk.front - canvas.x, 0.03)
    return drawn * inside


def _beside(canvas: Canvas, rng: Rng) -> Plane:
    """Draw raised arms, shoulder and, in some, a breast."""
    reach = (rng.uniform(0.2, 1.0), rng.uniform(-1.6, -1.2))
    drawn = rng.uniform(0.1, 0.6) * canvas.limb((rng.uniform(-0.3, 0.1), -0.85), reach, rng.uniform(0.2, 0.35), 0.2)
    if rng.random() < 0.4:
        drawn += rng.uniform(0.1, 0.4) * canvas.ball((0.65, rng.uniform(0, 0.5)), (0.3, 0.3))
    return drawn


def _gas(canvas: Canvas, rng: Rng) -> Plane:
    if rng.random() < 0.5:
        return canvas.empty()
    spot = (rng.uniform(-0.3, 0.3), rng.uniform(0.5, 0.8))
    return rng.uniform(0.2, 0.6) * canvas.disc(spot, (rng.uniform(0.08, 0.3), 0.1), edge=0.04)
