"""The plane on which a chest is drawn: thorax coordinates of every pixel, and soft shapes.

Thorax coordinates: x from -1 (image left, the patient's right) to 1, y from 0 (top) to 1 (bottom).
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.phantoms.technique import Technique

Plane = NDArray[np.floating]
Point = tuple[float, float]
_DRAWN_RATIO = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Thorax:
    """Coordinates of every drawn pixel; `aspect` is the length of one unit of y in units of x."""

    x: Plane
    y: Plane
    aspect: float

    @property
    def away(self) -> Plane:
        """The distance from the midline."""
        return np.abs(self.x)

    def empty(self) -> Plane:
        """Return a plane of zeros."""
        return np.zeros(np.broadcast_shapes(self.x.shape, self.y.shape), dtype=np.float32)

    def distance(self, centre: Point) -> Plane:
        """Measure the distance to a point, in units of x."""
        distance: Plane = np.hypot(self.x - centre[0], self.aspect * (self.y - centre[1]))
        return distance

    def disc(self, centre: Point, radius: float, edge: float) -> Plane:
        """Fill a circle with 1, its border `edge` wide."""
        return soft(radius - self.distance(centre), edge)

    def ring(self, centre: Point, radius: float, half_width: float) -> Plane:
        """Draw a circle's line."""
        return soft(half_width - np.abs(self.distance(centre) - radius), 0.5 * half_width)

    def stroke(self, points: Sequence[Point], half_width: float) -> Plane:
        """Draw a line through points."""
        lines = [self._segment_distance(one, other) for one, other in itertools.pairwise(points)]
        return soft(half_width - np.minimum.reduce(lines), 0.5 * half_width)

    def _segment_distance(self, start: Point, end: Point) -> Plane:
        dx, dy = end[0] - start[0], self.aspect * (end[1] - start[1])
        from_x, from_y = self.x - start[0], self.aspect * (self.y - start[1])
        share = np.clip((from_x * dx + from_y * dy) / (dx * dx + dy * dy), 0, 1)
        return np.hypot(from_x - share * dx, from_y - share * dy)


def thorax(technique: Technique) -> Thorax:
    """Return the thorax coordinates of a film's pixels, at half the film's size."""
    rows, columns = int(technique.height_px * _DRAWN_RATIO), int(technique.width_px * _DRAWN_RATIO)
    across = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    cos, sin = math.cos(technique.rotation_rad), math.sin(technique.rotation_rad)
    x = ((across * cos + down * sin) / technique.scale - technique.shift_x) / technique.chest_width
    y = ((down * cos - across * sin) / technique.scale - 2 * technique.shift_y) / 2 + 0.5
    return Thorax(x, y, 2 * technique.height_px / technique.width_px / technique.chest_width)


def soft(distance: Plane, edge: float) -> Plane:
    """Step from 0 (outside) to 1 (inside), half way at distance 0, over twice the edge's width."""
    ramp: Plane = np.clip(distance / (2 * edge) + 0.5, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def between(bounds: tuple[float, float], share: float) -> float:
    """Interpolate between the lower and the upper bound."""
    return bounds[0] + share * (bounds[1] - bounds[0])
