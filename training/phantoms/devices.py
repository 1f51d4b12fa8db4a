"""Draws implanted devices, tubes and aortic calcification: each sign as added density, bright as metal or plastic."""

import math
from collections.abc import Callable

import numpy as np

from serve_app.domain.facts import Finding
from training.phantoms.anatomy import Anatomy, aorta_centre
from training.phantoms.plane import Plane, Thorax, between, soft
from training.phantoms.scene import Sign

Painter = Callable[[Sign, Thorax, Anatomy], Plane]


def pacemaker(sign: Sign, area: Thorax, anatomy: Anatomy) -> Plane:
    """A box below the clavicle and a lead that runs from it to the heart."""
    side = sign.direction
    x, y = side * between((0.58, 0.66), sign.x), between((0.18, 0.22), sign.y)
    radius = between((0.10, 0.12), sign.size)
    box = soft(radius - np.abs(area.x - x), 0.01) * soft(0.8 * radius - area.aspect * np.abs(area.y - y), 0.01)
    tip = 0.20 + anatomy.shift_x, 0.66
    lead = area.stroke([(x, y), (0.3 * x, y + 0.02), (-0.06 + anatomy.shift_x, y + 0.14), (-0.02, 0.52), tip], 0.013)
    shown: Plane = np.maximum(2.0 * box, 1.0 * lead)
    return shown


def sternal_wires(sign: Sign, area: Thorax, anatomy: Anatomy) -> Plane:
    """Rings of wire, one below the other, in the midline."""
    rings = area.empty()
    for y in np.linspace(0.27, 0.66, 4 + int(2.99 * sign.variation)):
        rings = np.maximum(rings, area.ring((0.01, float(y)), between((0.045, 0.052), sign.size), 0.016))
    return 2.2 * rings


def prosthetic_valve(sign: Sign, area: Thorax, anatomy: Anatomy) -> Plane:
    """A ring of metal in the heart."""
    centre = between((0.13, 0.19), sign.x) + anatomy.shift_x, between((0.59, 0.63), sign.y)
    ring = area.ring(centre, between((0.075, 0.09), sign.size), 0.018)
    disc = area.disc(centre, 0.03, 0.012)
    return 2.0 * np.maximum(ring, disc)


def central_venous_catheter(sign: Sign, area: Thorax, anatomy: Anatomy) -> Plane:
    """A thin tube from one side of the neck into the superior vena cava, right of the midline."""
    side, tip = sign.direction, (-0.12 + anatomy.shift_x, between((0.40, 0.45), sign.y))
    neck = side * between((0.30, 0.36), sign.x)
    bend = (-0.20, 0.20) if side < 0 else (0.10, 0.22)
    return 1.15 * area.stroke([(neck, 0.0), (0.8 * neck, 0.12), bend, (tip[0], 0.30), tip], 0.014)


def endotracheal_tube(sign: Sign, area: Thorax, anatomy: Anatomy) -> Plane:
    """A tube with two bright walls in the trachea, its end above the carina."""
    end = between((0.25, 0.28), sign.y)
    walls = [area.stroke([(x, -0.05), (x + 0.5 * anatomy.shift_x, end)], 0.013) for x in (-0.032, 0.032)]
    tube: Plane = np.maximum.reduce(walls)
    return 1.5 * tube


def nasogastric_tube(sign: Sign, area: Thorax, anatomy: Anatomy) -> Plane:
    """A tube down the oesophagus, behind the heart, into the stomach on the left."""
    x = between((0.0, 0.02), sign.x)
    return 1.15 * area.stroke([(x, -0.05), (x, 0.55), (x + 0.06, 0.78), (x + 0.22, 0.87), (x + 0.36, 0.87)], 0.015)


def chest_tube(sign: Sign, area: Thorax, anatomy: Anatomy) -> Plane:
    """A wide drain from the side of the chest up towards the apex."""
    side = sign.direction
    start, end = (side * 0.98, between((0.60, 0.66), sign.y)), (side * between((0.36, 0.42), sign.x), 0.24)
    walls = 1.0 * area.stroke([start, (side * 0.66, 0.54), end], 0.026)
    return walls - 0.55 * area.stroke([start, (side * 0.66, 0.54), end], 0.010)


def aortic_calcification(sign: Sign, area: Thorax, anatomy: Anatomy) -> Plane:
    """A shell of calcium along the outer edge of the aortic knob."""
    centre = aorta_centre(anatomy)
    arc = area.ring(centre, anatomy.aorta_radius - 0.02, between((0.020, 0.026), sign.size))
    angle = np.arctan2(area.aspect * (area.y - centre[1]), area.x - centre[0])
    return 1.3 * arc * soft(between((1.4, 1.8), sign.variation) - np.abs(angle + math.pi / 8), 0.1)


PAINTERS: dict[Finding, Painter] = {
    Finding.PACEMAKER: pacemaker,
    Finding.STERNAL_WIRES: sternal_wires,
    Finding.PROSTHETIC_VALVE: prosthetic_valve,
    Finding.CENTRAL_VENOUS_CATHETER: central_venous_catheter,
    Finding.ENDOTRACHEAL_TUBE: endotracheal_tube,
    Finding.NASOGASTRIC_TUBE: nasogastric_tube,
    Finding.CHEST_TUBE: chest_tube,
    Finding.AORTIC_CALCIFICATION: aortic_calcification,
}
