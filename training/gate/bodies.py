"""Drawn radiographs of everything but the chest: limbs, pelvis, skull, spine, abdomen, breast, vessels."""

import math

import numpy as np
from numpy.typing import NDArray

from training.gate.shapes import Canvas, Plane, Point, cloud, expose, soft

Rng = np.random.Generator
Picture = NDArray[np.uint8]


def leg(rng: Rng) -> Picture:
    """Draw a lower leg, forearm or thigh: one or two long bones in a sleeve of flesh."""
    canvas = _canvas(rng)
    tilt, offset = rng.uniform(-0.25, 0.25), rng.uniform(-0.3, 0.3)
    top, bottom = (offset - tilt, -1.6), (offset + tilt, 1.6)
    width = rng.uniform(0.25, 0.6)
    density = rng.uniform(0.5, 1.1) * canvas.limb(top, bottom, width, width * rng.uniform(0.6, 1.2))
    radius = rng.uniform(0.06, 0.13)
    ends = _joint_ends(rng)
    density += 1.2 * canvas.bone((top[0], ends[0]), (bottom[0], ends[1]), radius, rng.uniform(1.2, 2.4))
    if rng.random() < 0.6:
        aside = rng.choice([-1, 1]) * radius * rng.uniform(1.8, 2.8)
        density += 0.9 * canvas.bone((top[0] + aside, ends[0] + 0.1), (bottom[0] + aside, ends[1]), radius * 0.5)
    return expose(density + _joint(canvas, rng, (top[0], ends[0]), radius), rng)


def both_legs(rng: Rng) -> Picture:
    """Draw two limbs side by side on one film."""
    canvas = _canvas(rng)
    apart, radius = rng.uniform(0.35, 0.6), rng.uniform(0.06, 0.1)
    density = canvas.empty()
    for side in (-1, 1):
        lean = rng.uniform(-0.1, 0.1)
        density += 0.8 * canvas.limb((side * apart, -1.6), (side * apart + lean, 1.6), 0.34, rng.uniform(0.2, 0.34))
        start_y, end_y = _joint_ends(rng)
        density += 1.1 * canvas.bone((side * apart, start_y), (side * apart + lean, end_y), radius, 1.9)
    return expose(density, rng)


def knee(rng: Rng) -> Picture:
    """Draw a joint between two flared bones."""
    canvas = _canvas(rng)
    turn, gap, radius = rng.uniform(-0.5, 0.5), rng.uniform(0.05, 0.12), rng.uniform(0.14, 0.22)
    axis = (math.sin(turn), math.cos(turn))
    far = (axis[0] * 1.6, axis[1] * 1.6)
    density = 0.9 * canvas.limb((-far[0], -far[1]), far, rng.uniform(0.4, 0.7), rng.uniform(0.35, 0.6))
    near = (axis[0] * (gap + 0.3), axis[1] * (gap + 0.3))
    density += 1.1 * canvas.bone((-far[0], -far[1]), (-near[0], -near[1]), radius, 2.2)
    density += 1.1 * canvas.bone(near, far, radius, 2.4)
    density += 0.6 * canvas.ball((rng.uniform(-0.1, 0.1), -0.3), (0.16, 0.18))
    return expose(density, rng)


def hip(rng: Rng) -> Picture:
    """Draw one hip: socket, round head, neck and shaft, a wing of the pelvis, much flesh."""
    canvas = _canvas(rng)
    side = rng.choice([-1.0, 1.0])
    head = (side * rng.uniform(-0.2, 0.15), rng.uniform(-0.35, 0.1))
    size = rng.uniform(0.2, 0.3)
    density = rng.uniform(0.6, 1.2) * canvas.disc((head[0], 0.1), (1.3, 1.6), edge=0.3)
    shaft = (head[0] + side * size * 2.0, head[1] + size * 1.6)
    density += 0.9 * canvas.ball(head, (size, size)) + 0.9 * canvas.bone(head, shaft, size * 0.6, 1.2)
    density += 1.2 * canvas.bone(shaft, (shaft[0] - side * 0.15, 1.8), size * 0.65, 1.3)
    wing = (head[0] - side * size * 1.6, head[1] - size * 2.2)
    density += 0.5 * canvas.disc(wing, (size * 2.2, size * 1.5), side * 0.9, 0.05)
    density += 0.6 * _ring(canvas, (head[0] - side * 0.1, head[1] - 0.05), (size * 1.25, size * 1.25), 0.06)
    density += 0.5 * _ring(canvas, (head[0] - side * size * 2.4, head[1] + size * 2), (size * 1.1, size * 1.4), 0.12)
    return expose(density * (0.8 + 0.2 * soft(0.2 - canvas.x * side, 0.8)) + _mottle(canvas, rng), rng)


def pelvis(rng: Rng) -> Picture:
    """Draw a whole pelvis with both hips."""
    canvas = _canvas(rng)
    density = rng.uniform(0.7, 1.2) * canvas.disc((0, 0.1), (1.25, 1.5), edge=0.25)
    wide, size = rng.uniform(0.5, 0.7), rng.uniform(0.14, 0.2)
    for side in (-1, 1):
        density += 0.6 * canvas.disc((side * wide * 0.8, -0.45), (0.38, 0.28), side * -0.9, 0.05)
        density += 0.9 * canvas.ball((side * wide, 0.1), (size, size))
        density += 1.0 * canvas.bone((side * (wide + size * 1.3), 0.3), (side * (wide + 0.1), 1.7), size * 0.6, 1.4)
        density += 0.6 * _ring(canvas, (side * wide * 0.4, 0.45), (0.17, 0.2), 0.07)
    density += _spine(canvas, rng, 0.0, (-1.7, -0.5), 0.16)
    return expose(density + _mottle(canvas, rng), rng)


def hand(rng: Rng) -> Picture:
    """Draw a hand or foot: five rays of small bones."""
    canvas = _canvas(rng)
    root: Point = (rng.uniform(-0.2, 0.2), rng.uniform(0.3, 0.6))
    density = 0.7 * canvas.ball((root[0], root[1] - 0.15), (0.4, 0.5)) + 0.6 * canvas.limb(
        root, (root[0], 1.8), 0.25, 0.22
    )
    density += 0.8 * canvas.bone((root[0] - 0.1, root[1] + 0.3), (root[0] - 0.12, 1.8), 0.07)
    density += 0.8 * canvas.bone((root[0] + 0.1, root[1] + 0.3), (root[0] + 0.12, 1.8), 0.07)
    spread = rng.uniform(0.15, 0.4)
    for ray in range(-2, 3):
        angle = ray * spread + rng.normal(0, 0.04)
        reach = rng.uniform(0.28, 0.36) * (1.0 - 0.08 * abs(ray))
        start = (root[0] + ray * 0.09, root[1])
        for _ in range(4):
            end = (start[0] + math.sin(angle) * reach, start[1] - math.cos(angle) * reach)
            density += 0.8 * canvas.bone(start, end, 0.04, 1.5) + 0.25 * canvas.limb(start, end, 0.1, 0.08)
            start, reach = end, reach * 0.8
    for _ in range(7):
        density += 0.5 * canvas.ball((root[0] + rng.uniform(-0.2, 0.2), root[1] + rng.uniform(0, 0.25)), (0.08, 0.07))
    return expose(density, rng)


def skull(rng: Rng) -> Picture:
    """Draw a skull from the front or the side."""
    canvas = _canvas(rng)
    centre, radii = (rng.uniform(-0.15, 0.15), rng.uniform(-0.3, -0.1)), (rng.uniform(0.6, 0.8), rng.uniform(0.6, 0.85))
    density = 0.5 * canvas.ball(centre, radii) + 1.1 * _ring(canvas, centre, radii, 0.06)
    side = rng.choice([-1.0, 1.0])
    if rng.random() < 0.5:
        for eye in (-1, 1):
            density -= 0.25 * canvas.disc((centre[0] + eye * 0.27, centre[1] + 0.2), (0.17, 0.14))
        density -= 0.3 * canvas.disc((centre[0], centre[1] + 0.45), (0.1, 0.16))
        density += 0.6 * canvas.disc((centre[0], centre[1] + 0.85), (0.35, 0.2), edge=0.06)
    else:
        density += 0.6 * canvas.disc((centre[0] + side * 0.45, centre[1] + 0.65), (0.35, 0.22), side * 0.5, 0.06)
        density -= 0.25 * canvas.disc((centre[0] + side * 0.5, centre[1] + 0.25), (0.13, 0.12))
    density += _spine(canvas, rng, centre[0] - side * 0.1, (0.7, 1.7), 0.12) + 0.4 * canvas.limb(
        (centre[0], 0.6), (centre[0], 1.8), 0.4, 0.5
    )
    return expose(density, rng)


def spine(rng: Rng) -> Picture:
    """Draw a cervical or lumbar spine: a column of vertebrae in flesh, no lungs."""
    canvas = _canvas(rng)
    density = rng.uniform(0.4, 1.0) * canvas.limb(
        (0, -1.8), (rng.uniform(-0.2, 0.2), 1.8), rng.uniform(0.5, 1.2), rng.uniform(0.5, 1.3)
    )
    density += _spine(canvas, rng, rng.uniform(-0.25, 0.25), (-1.7, 1.7), rng.uniform(0.12, 0.28))
    return expose(density + _mottle(canvas, rng), rng)


def abdomen(rng: Rng) -> Picture:
    """Draw an abdomen: spine, wings of the pelvis, gas in the bowel."""
    canvas = _canvas(rng)
    density = rng.uniform(0.8, 1.4) * canvas.disc((0, 0), (rng.uniform(0.9, 1.2), 1.6), edge=0.15)
    density += _spine(canvas, rng, 0.0, (-1.7, 0.8), rng.uniform(0.12, 0.18))
    for side in (-1, 1):
        density += 0.5 * canvas.disc((side * 0.6, 0.75), (0.4, 0.28), side * -0.9, 0.05)
        density += 0.25 * canvas.limb((side * 0.35, -0.4), (side * 0.5, 0.7), 0.15, 0.2)
    for _ in range(int(rng.integers(4, 16))):
        spot, radii = (
            (rng.uniform(-0.8, 0.8), rng.uniform(-0.8, 0.8)),
            (rng.uniform(0.04, 0.2), rng.uniform(0.04, 0.14)),
        )
        density -= rng.uniform(0.2, 0.6) * canvas.ball(spot, radii, rng.uniform(0, 3))
    return expose(density + _mottle(canvas, rng), rng)


def breast(rng: Rng) -> Picture:
    """Draw a mammogram: half an ellipse at the film's edge, glandular clouds inside."""
    canvas = _canvas(rng)
    side = rng.choice([-1.0, 1.0])
    edge_x = side * float(np.abs(canvas.x).max())
    radii = (rng.uniform(0.7, 1.5), rng.uniform(0.7, 1.2))
    centre = (edge_x, rng.uniform(-0.2, 0.3))
    tissue = canvas.disc(centre, radii, edge=0.05)
    gland = np.clip(0.4 + 0.5 * cloud(rng, canvas.shape, rng.uniform(0.15, 0.5)), 0, 2) * canvas.ball(
        centre, (radii[0] * 0.8, radii[1] * 0.8)
    )
    muscle = soft((canvas.x * side - 0.6) - 0.8 * (canvas.y + 0.3), 0.05) * rng.choice([0.0, 0.8])
    return expose(tissue * (rng.uniform(0.2, 0.6) + rng.uniform(0.5, 1.4) * gland + muscle), rng)


def vessels(rng: Rng) -> Picture:
    """Draw an angiogram: a branching dark tree on a grey field, sometimes with a round collimator."""
    canvas = _canvas(rng)
    field = 0.8 + 0.15 * cloud(rng, canvas.shape, 0.6)
    for rib in range(int(rng.integers(0, 6))):
        field += 0.06 * canvas.line((-1.4, rib * 0.4 - 1.1), (1.4, rib * 0.4 - 0.8), 0.12, 0.04)
    tree = canvas.empty()
    for _ in range(int(rng.integers(1, 4))):
        _grow(
            canvas,
            tree,
            rng,
            (rng.uniform(-0.5, 0.5), rng.uniform(-0.9, 0.2)),
            rng.uniform(0, 6.28),
            rng.uniform(0.04, 0.12),
            5,
        )
    shown = field - rng.uniform(0.3, 0.8) * np.clip(tree, 0, 1)
    if rng.random() < 0.6:
        shown = shown * canvas.disc((0, 0), (rng.uniform(0.95, 1.25), rng.uniform(0.95, 1.25)), edge=0.02)
    return expose(np.maximum(shown, 0), rng)


BODIES = {
    "leg": leg,
    "both-legs": both_legs,
    "knee": knee,
    "hip": hip,
    "pelvis": pelvis,
    "hand": hand,
    "skull": skull,
    "spine": spine,
    "abdomen": abdomen,
    "breast": breast,
    "vessels": vessels,
}


def _canvas(rng: Rng) -> Canvas:
    long = int(rng.integers(128, 192))
    return Canvas.of(long, 128) if rng.random() < 0.7 else Canvas.of(128, long)


def _joint_ends(rng: Rng) -> tuple[float, float]:
    return float(rng.choice([-1.8, rng.uniform(-0.9, -0.4)])), float(rng.choice([1.8, rng.uniform(0.4, 0.9)]))


def _joint(canvas: Canvas, rng: Rng, at: Point, radius: float) -> Plane:
    return 0.9 * canvas.bone(
        (at[0], at[1] - 0.1 - 3 * radius), (at[0] + rng.uniform(-0.2, 0.2), -2.2), radius * 1.1, 2.0
    )


def _ring(canvas: Canvas, centre: Point, radii: Point, width: float) -> Plane:
    return soft(width / 2 - np.abs(canvas.radius(centre, radii) - 1) * min(radii), 0.03)


def _spine(canvas: Canvas, rng: Rng, x: float, span: Point, width: float) -> Plane:
    curve = x + rng.uniform(-0.15, 0.15) * np.sin(rng.uniform(0.5, 2) * canvas.y)
    column = soft(width - np.abs(canvas.x - curve), 0.03)
    vertebrae = soft(np.cos(2 * math.pi * canvas.y / (width * rng.uniform(1.4, 1.9))) + 0.75, 0.35)
    inside = soft(canvas.y - span[0], 0.05) * soft(span[1] - canvas.y, 0.05)
    return column * (0.25 + 0.6 * vertebrae) * inside


def _mottle(canvas: Canvas, rng: Rng) -> Plane:
    return rng.uniform(0.02, 0.1) * cloud(rng, canvas.shape, rng.uniform(0.1, 0.4))


def _grow(canvas: Canvas, tree: Plane, rng: Rng, start: Point, angle: float, width: float, depth: int) -> None:
    """Draw a branch into `tree` and let it fork."""
    for _ in range(int(rng.integers(2, 5))):
        length = rng.uniform(0.1, 0.3)
        end = (start[0] + math.cos(angle) * length, start[1] + math.sin(angle) * length)
        np.maximum(tree, canvas.line(start, end, width, 0.015), out=tree)
        start, angle, width = end, angle + rng.normal(0, 0.35), width * 0.93
        if depth and rng.random() < 0.5:
            _grow(canvas, tree, rng, start, angle + rng.choice([-1, 1]) * rng.uniform(0.4, 1.0), width * 0.7, depth - 1)
