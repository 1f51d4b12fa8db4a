"""Soft shapes on a plane, from which the negatives are drawn.

Coordinates are -1 to 1, x to the right and y down; a plane is float32 or float64 of shape (rows, columns).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

Plane = NDArray[np.floating]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Canvas:
    """A grid of coordinates to draw on."""

    x: Plane
    y: Plane

    @classmethod
    def of(cls, rows: int, columns: int) -> "Canvas":
        """Make a canvas whose shorter side spans -1 to 1."""
        short = min(rows, columns)
        down, across = np.mgrid[0:rows, 0:columns].astype(np.float32)
        return cls((2 * across - columns + 1) / short, (2 * down - rows + 1) / short)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.x.shape
        return rows, columns

    def empty(self) -> Plane:
        """Return a plane of zeros."""
        return np.zeros_like(self.x)

    def radius(self, centre: Point, radii: Point, turn_rad: float = 0.0) -> Plane:
        """Measure the distance from a centre in units of an ellipse: 1 on its edge."""
        dx, dy = self.x - centre[0], self.y - centre[1]
        along = dx * math.cos(turn_rad) + dy * math.sin(turn_rad)
        across = -dx * math.sin(turn_rad) + dy * math.cos(turn_rad)
        return np.sqrt((along / radii[0]) ** 2 + (across / radii[1]) ** 2)

    def disc(self, centre: Point, radii: Point, turn_rad: float = 0.0, edge: float = 0.03) -> Plane:
        """Fill an ellipse with 1, its border `edge` wide."""
        return soft((1 - self.radius(centre, radii, turn_rad)) * min(radii), edge)

    def ball(self, centre: Point, radii: Point, turn_rad: float = 0.0) -> Plane:
        """Project an ellipsoid: 1 in the middle, falling to 0 at the rim, as X-rays see it."""
        thickness: Plane = np.sqrt(np.maximum(0, 1 - self.radius(centre, radii, turn_rad) ** 2))
        return thickness

    def segment(self, start: Point, end: Point) -> tuple[Plane, Plane]:
        """Measure every point's distance to a segment, and its position along it (0 to 1)."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        share = ((self.x - start[0]) * dx + (self.y - start[1]) * dy) / max(dx * dx + dy * dy, 1e-6)
        share = np.clip(share, 0, 1)
        return np.hypot(self.x - start[0] - share * dx, self.y - start[1] - share * dy), share

    def line(self, start: Point, end: Point, width: float, edge: float = 0.01) -> Plane:
        """Draw a line of a width, 1 inside."""
        distance, _ = self.segment(start, end)
        return soft(width / 2 - distance, edge)

    def limb(self, start: Point, end: Point, start_radius: float, end_radius: float) -> Plane:
        """Project a cone of flesh: thickness 1 in the middle."""
        distance, share = self.segment(start, end)
        radius = start_radius + (end_radius - start_radius) * share
        thickness: Plane = np.sqrt(np.maximum(0, 1 - (distance / radius) ** 2))
        return thickness

    def bone(self, start: Point, end: Point, radius: float, flare: float = 1.6) -> Plane:
        """Project a long bone: bright cortex, darker marrow, ends wider by `flare`."""
        distance, share = self.segment(start, end)
        width = radius * (1 + (flare - 1) * (2 * np.abs(share - 0.5)) ** 4)
        outer: Plane = np.sqrt(np.maximum(0, 1 - (distance / width) ** 2))
        inner: Plane = np.sqrt(np.maximum(0, 1 - (distance / (0.65 * width)) ** 2))
        return outer - 0.45 * inner


def soft(distance: Plane, edge: float) -> Plane:
    """Convert a signed distance to 0 outside and 1 inside."""
    ramp: Plane = np.clip(distance / (2 * edge) + 0.5, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def cloud(rng: np.random.Generator, shape: tuple[int, int], grain: float) -> Plane:
    """Draw fractal noise of mean 0 and deviation 1; `grain` is the size of its largest lumps, 0 to 1."""
    total: Plane = np.zeros(shape, dtype=np.float32)
    cells = max(2, round(1 / max(grain, 0.02)))
    for octave in range(4):
        side = min(cells * 2**octave + 1, max(shape))
        coarse = rng.standard_normal((side, side)).astype(np.float32)
        layer = zoom(coarse, (shape[0] / side, shape[1] / side), order=1)[: shape[0], : shape[1]]
        padded = np.zeros(shape, dtype=np.float32)
        padded[: layer.shape[0], : layer.shape[1]] = layer
        total += padded / 2**octave
    even: Plane = (total - total.mean()) / max(float(total.std()), 1e-6)
    return even


def expose(density: Plane, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Convert projected density to a film: saturating, slightly blurred, grainy."""
    bright = 1 - np.exp(-rng.uniform(0.6, 1.8) * np.maximum(density, 0))
    blurred = gaussian_filter(bright, rng.uniform(0.3, 1.0))
    grainy = blurred + rng.standard_normal(density.shape).astype(np.float32) * rng.uniform(0.002, 0.03)
    return to_grey(grainy)


def to_grey(plane: Plane) -> NDArray[np.uint8]:
    """Scale a plane from its own range to 0 to 255."""
    low, high = float(plane.min()), float(plane.max())
    grey: Plane = np.rint((plane - low) / max(high - low, 1e-6) * 255)
    return grey.astype(np.uint8)
