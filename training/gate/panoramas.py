"""Draws dental panoramas: two arches of teeth, the jaw around them, the spine's ghost behind."""

import numpy as np
from numpy.typing import NDArray

from training.gate.shapes import Canvas, Plane, cloud, expose, soft

Rng = np.random.Generator
Picture = NDArray[np.uint8]


def panorama(rng: Rng) -> Picture:
    """Draw a dental panorama, about twice as wide as high."""
    canvas = Canvas.of(96, int(96 * rng.uniform(1.5, 2.3)))
    half, bend, level = float(canvas.x.max()), rng.uniform(0.05, 0.3), rng.uniform(-0.3, 0.15)
    arch = level - bend * (canvas.x / half * 2) ** 2 + bend
    density = rng.uniform(0.4, 0.7) + rng.uniform(0.05, 0.15) * cloud(rng, canvas.shape, 0.3)
    density = density + _jaw(canvas, rng, arch, half) + _face(canvas, rng, level, half)
    density += _teeth(canvas, rng, arch, half)
    framed = np.maximum(density, 0)
    if rng.random() < 0.5:
        framed = np.pad(framed[1:-1, 1:-1], 1, constant_values=float(framed.max()) * 1.5)
    return expose(framed, rng)


def _jaw(canvas: Canvas, rng: Rng, arch: Plane, half: float) -> Plane:
    """Draw the mandible's body under the teeth, its branches at the sides, and what is dark under them."""
    height = rng.uniform(0.4, 0.65)
    body = (
        soft(canvas.y - arch - 0.1, 0.1)
        * soft(arch + height - canvas.y, 0.05)
        * soft(0.85 * half - np.abs(canvas.x), 0.1)
    )
    below = soft(canvas.y - arch - height, 0.08)
    branches = canvas.empty()
    for side in (-1, 1):
        branches += canvas.limb((side * 0.62 * half, 0.4), (side * 0.75 * half, -0.8), 0.3, 0.16)
    jaw: Plane = rng.uniform(0.3, 0.6) * body + rng.uniform(0.2, 0.5) * branches - rng.uniform(0.2, 0.6) * below
    return jaw


def _face(canvas: Canvas, rng: Rng, level: float, half: float) -> Plane:
    """Draw the spine's ghost, the dark nose and sinuses, the bright base of the skull and the spine at both edges."""
    ghost = rng.uniform(0, 0.7) * np.exp(-((canvas.x / rng.uniform(0.1, 0.25)) ** 2)) * soft(canvas.y - level, 0.3)
    skull = rng.uniform(0, 0.6) * soft(-0.6 - canvas.y, 0.3) * (1 + 0.5 * cloud(rng, canvas.shape, 0.1))
    dark = canvas.empty()
    for side in (-1, 1):
        dark += canvas.disc((side * 0.1, level - 0.65), (0.07, 0.2), edge=0.04)
        dark += canvas.disc((side * 0.45 * half, level - 0.6), (0.3, 0.2), edge=0.08)
        edge = soft(0.15 - np.abs(canvas.x - side * 0.95 * half), 0.06)
        skull += rng.uniform(0, 0.5) * edge * (1 + 0.4 * np.cos(canvas.y * rng.uniform(8, 14)))
    face: Plane = ghost + skull - rng.uniform(0.1, 0.5) * dark
    return face


def _teeth(canvas: Canvas, rng: Rng, arch: Plane, half: float) -> Plane:
    """Draw up to 32 teeth with their roots, some missing, some filled, and the dark gap between the arches."""
    reach, gap = rng.uniform(0.5, 0.7) * half, rng.uniform(0.01, 0.06)
    rows = [_row(canvas, rng, arch, reach, row * gap) for row in (-1, 1)]
    bite = soft(gap - np.abs(canvas.y - arch), 0.02) * soft(reach - np.abs(canvas.x), 0.05)
    return rows[0] + rows[1] - rng.uniform(0.3, 0.8) * bite


def _row(canvas: Canvas, rng: Rng, arch: Plane, reach: float, offset: float) -> Plane:
    row, bright, up = canvas.empty(), rng.uniform(0.4, 0.9), np.sign(offset)
    for x in np.linspace(-reach, reach, 16):
        if rng.random() < 0.08:
            continue
        crown_y = float(arch[0, int(np.argmin(np.abs(canvas.x[0] - x)))]) + offset + up * 0.1
        width = reach / 16 * rng.uniform(0.75, 1.0)
        row += bright * canvas.disc((x, crown_y), (width, 0.12), edge=0.02)
        row += 0.6 * bright * canvas.disc((x, crown_y + up * 0.2), (0.6 * width, 0.2), edge=0.03)
        if rng.random() < 0.12:
            row += rng.uniform(0.5, 2.0) * canvas.disc((x, crown_y - up * 0.04), (0.8 * width, 0.06), edge=0.01)
    return row
