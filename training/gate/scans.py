"""Draws slices and scans: CT and MR of head, chest and abdomen, ultrasound, bone scans."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from training.gate.pages import font, words
from training.gate.shapes import Canvas, Plane, cloud, soft, to_grey

Rng = np.random.Generator
Picture = NDArray[np.uint8]


def head_slice(rng: Rng) -> Picture:
    """Draw a CT or MR slice of a head: a bright ring, grey matter, ventricles."""
    canvas = Canvas.of(160, 160)
    centre, radii = (rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1)), (rng.uniform(0.5, 0.72), rng.uniform(0.62, 0.88))
    turn = rng.uniform(-0.3, 0.3)
    radius = canvas.radius(centre, radii, turn)
    brain = soft(1 - radius, 0.02) * (rng.uniform(0.3, 0.6) + rng.uniform(0.02, 0.08) * cloud(rng, canvas.shape, 0.15))
    skull = rng.uniform(0.4, 1.0) * soft(0.05 - np.abs(radius - 1), 0.02)
    scalp = rng.uniform(0, 0.4) * soft(0.04 - np.abs(radius - 1.12), 0.03)
    shown = brain + skull + scalp
    for side in (-1, 1):
        horn = (centre[0] + side * 0.1, centre[1] + rng.uniform(-0.15, 0.05))
        shown -= rng.choice([-0.2, 0.25]) * canvas.disc(horn, (0.06, 0.2), side * 0.3)
    return _finish(shown + _table(canvas, rng), rng)


def chest_slice(rng: Rng) -> Picture:
    """Draw a CT slice of a chest: a horizontal ellipse with two black lungs, heart and a round vertebra."""
    canvas = Canvas.of(160, 160)
    radii = (rng.uniform(0.8, 0.95), rng.uniform(0.5, 0.7))
    shown = rng.uniform(0.5, 0.8) * canvas.disc((0, 0), radii, edge=0.02)
    for side in (-1, 1):
        lung = canvas.disc(
            (side * radii[0] * 0.48, rng.uniform(-0.08, 0.05)), (radii[0] * 0.34, radii[1] * 0.72), edge=0.02
        )
        shown -= lung * (rng.uniform(0.4, 0.6) + 0.05 * cloud(rng, canvas.shape, 0.08))
    shown += 0.3 * canvas.disc((rng.uniform(-0.05, 0.2), -0.1), (0.3, 0.24), edge=0.03)
    shown += 0.4 * canvas.disc((0, radii[1] * 0.62), (0.12, 0.1), edge=0.02)
    for angle in np.linspace(0.3, 2 * math.pi, int(rng.integers(8, 14))):
        spot = (0.92 * radii[0] * math.cos(angle), 0.92 * radii[1] * math.sin(angle))
        shown += 0.4 * canvas.disc(spot, (0.07, 0.025), angle + math.pi / 2, 0.015)
    return _finish(shown + _table(canvas, rng), rng)


def coronal_slice(rng: Rng) -> Picture:
    """Draw a CT slice from side to side: lungs with vessels, cut ribs beside them, spine or heart between them."""
    canvas = Canvas.of(int(rng.integers(120, 180)), int(rng.integers(130, 170)))
    air, lung, flesh, bone = _TISSUES[int(rng.integers(len(_TISSUES)))]
    width, height = rng.uniform(0.75, 1.0), rng.uniform(0.6, 0.9)
    inside = soft(width - np.abs(canvas.x) - 0.15 * np.clip(-canvas.y, 0, 1), 0.02)
    shown = air + inside * (flesh - air + rng.uniform(0.01, 0.05) * cloud(rng, canvas.shape, 0.1))
    for side in (-1, 1):
        field = _lung(canvas, rng, side, width, height)
        shown += field * (lung - flesh + 0.04 * cloud(rng, canvas.shape, 0.1)) + field * (bone - lung) * _dots(
            canvas, rng
        )
        for y in np.arange(-height, height, rng.uniform(0.16, 0.26)):
            edge_x = side * (width - 0.12) * math.sqrt(max(0.05, 1 - 0.5 * (float(y) / 1.2) ** 2))
            shown += (bone - flesh) * canvas.disc((edge_x, float(y)), (0.035, 0.06), side * 0.5, 0.02)
    return _finish(np.clip(shown + (bone - flesh) * _between(canvas, rng), 0, 1.05), rng)


def belly_slice(rng: Rng) -> Picture:
    """Draw a CT or MR slice of an abdomen: organs as blobs in a horizontal ellipse."""
    canvas = Canvas.of(160, 160)
    radii = (rng.uniform(0.75, 0.95), rng.uniform(0.5, 0.75))
    inside = canvas.disc((0, 0), radii, edge=0.02)
    shown = rng.uniform(0.3, 0.5) * inside
    for _ in range(int(rng.integers(5, 14))):
        spot = (rng.uniform(-0.7, 0.7) * radii[0], rng.uniform(-0.7, 0.7) * radii[1])
        shown += (
            rng.uniform(-0.3, 0.35)
            * canvas.disc(spot, (rng.uniform(0.06, 0.3), rng.uniform(0.06, 0.25)), rng.uniform(0, 3))
            * inside
        )
    shown += 0.5 * canvas.disc((0, radii[1] * 0.6), (0.12, 0.1), edge=0.02)
    return _finish(shown + 0.05 * cloud(rng, canvas.shape, 0.1) * inside + _table(canvas, rng), rng)


def knee_slice(rng: Rng) -> Picture:
    """Draw an MR slice of a joint or spine: bands and blobs in a soft frame."""
    canvas = Canvas.of(160, int(rng.integers(110, 160)))
    shown = 0.4 + 0.25 * cloud(rng, canvas.shape, rng.uniform(0.3, 0.7))
    for _ in range(int(rng.integers(3, 9))):
        spot = (rng.uniform(-0.6, 0.6), rng.uniform(-1, 1))
        shown += rng.uniform(-0.5, 0.5) * canvas.disc(
            spot, (rng.uniform(0.1, 0.5), rng.uniform(0.05, 0.3)), rng.uniform(-0.5, 0.5)
        )
    return _finish(shown * canvas.disc((0, 0), (rng.uniform(0.7, 1.1), 1.4), edge=0.1), rng)


def fan(rng: Rng) -> Picture:
    """Draw an ultrasound sector: speckled, with dark chambers and bright walls, on black with scales."""
    canvas = Canvas.of(128, int(rng.integers(128, 180)))
    apex_y = rng.uniform(-1.3, -0.95)
    angle = np.arctan2(canvas.x, canvas.y - apex_y)
    depth = np.hypot(canvas.x, canvas.y - apex_y)
    sector = (
        soft(rng.uniform(0.4, 0.8) - np.abs(angle), 0.01)
        * soft(depth - rng.uniform(0, 0.3), 0.02)
        * soft(rng.uniform(1.6, 2.1) - depth, 0.02)
    )
    echoes = np.clip(0.4 + 0.35 * cloud(rng, canvas.shape, rng.uniform(0.1, 0.4)), 0.02, 1.5)
    for _ in range(int(rng.integers(1, 5))):
        spot, radii = (rng.uniform(-0.5, 0.5), rng.uniform(-0.4, 0.6)), (rng.uniform(0.1, 0.4), rng.uniform(0.1, 0.4))
        radius = canvas.radius(spot, radii)
        echoes = echoes * (1 - 0.9 * soft(1 - radius, 0.1)) + 0.5 * soft(0.1 - np.abs(radius - 1), 0.05)
    speckle = rng.rayleigh(0.8, canvas.shape).astype(np.float32)
    shown = sector * echoes * gaussian_filter(speckle, rng.uniform(0.3, 1.0)) * np.exp(-rng.uniform(0, 0.6) * depth)
    for tick in np.linspace(-0.9, 0.9, int(rng.integers(0, 12))):
        shown = np.maximum(shown, canvas.line((1.02, tick), (1.06, tick), 0.01))
    return _finish(shown, rng)


def echo(rng: Rng) -> Picture:
    """Draw the screen of an echocardiograph: a sector somewhere on black, a trace under it, letters, a grey wedge."""
    sector = Image.fromarray(fan(rng))
    screen = Image.new("L", (int(rng.integers(170, 220)), int(rng.integers(120, 180))), 0)
    share = rng.uniform(0.6, 1.0)
    part = sector.resize((round(screen.width * share), round(screen.height * share * rng.uniform(0.8, 1.0))))
    left, top = rng.integers(0, screen.width - part.width + 1), rng.integers(0, screen.height - part.height + 1)
    screen.paste(part, (int(left), int(top)))
    pen = ImageDraw.Draw(screen)
    for _ in range(int(rng.integers(0, 8))):
        spot = (rng.uniform(0, 0.8) * screen.width, rng.uniform(0, 0.95) * screen.height)
        pen.text(spot, words(rng, int(rng.integers(2, 12))), fill=int(rng.integers(120, 256)), font=font(8))
    if rng.random() < 0.6:
        xs = np.linspace(0, screen.width, 60)
        beats = 8 * np.exp(-80 * (np.mod(xs / screen.width * rng.uniform(2, 6), 1) - 0.5) ** 2)
        ys = screen.height * rng.uniform(0.85, 0.97) - beats + rng.normal(0, 0.4, 60)
        pen.line([(float(x), float(y)) for x, y in zip(xs, ys, strict=True)], fill=int(rng.integers(120, 256)))
    if rng.random() < 0.5:
        for step in range(30):
            pen.line([(screen.width - 8, 10 + step), (screen.width - 3, 10 + step)], fill=255 - 8 * step)
    return np.array(screen)


def linear_probe(rng: Rng) -> Picture:
    """Draw an ultrasound picture of a linear probe: layers of speckle in a rectangle on black."""
    canvas = Canvas.of(int(rng.integers(110, 170)), int(rng.integers(110, 170)))
    layers = 0.4 + 0.3 * np.sin(rng.uniform(3, 14) * canvas.y + 0.5 * cloud(rng, canvas.shape, 0.4))
    spot, radii = (rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)), (rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.4))
    layers = layers * (1 - rng.choice([0.0, 0.9]) * canvas.disc(spot, radii, rng.uniform(-0.4, 0.4), 0.05))
    speckle = gaussian_filter(
        rng.rayleigh(0.8, canvas.shape).astype(np.float32), (rng.uniform(0.2, 0.6), rng.uniform(0.4, 1.5))
    )
    inside = soft(rng.uniform(0.6, 1.0) - np.abs(canvas.x), 0.02) * soft(rng.uniform(0.6, 1.0) - np.abs(canvas.y), 0.02)
    return _finish(np.clip(layers, 0, 2) * speckle * inside, rng)


def glow(rng: Rng) -> Picture:
    """Draw bright, ragged, speckled patches on black, as in emission and scatter images."""
    canvas = Canvas.of(int(rng.integers(100, 190)), int(rng.integers(100, 190)))
    patches = np.clip(cloud(rng, canvas.shape, rng.uniform(0.15, 0.7)) - rng.uniform(0, 1.2), 0, 3)
    ragged = patches * (1 + rng.uniform(0, 0.6) * rng.standard_normal(canvas.shape).astype(np.float32))
    return _finish(
        np.maximum(ragged, 0) * canvas.disc((0, 0), (rng.uniform(0.6, 1.5), rng.uniform(0.6, 1.5)), edge=0.3), rng
    )


def bone_scan(rng: Rng) -> Picture:
    """Draw a scintigram: a hazy body of hot spots on black or white."""
    canvas = Canvas.of(int(rng.integers(160, 192)), 96)
    shown = canvas.ball((0, -1.5), (0.2, 0.25)) + 0.6 * canvas.limb((0, -1.2), (0, 0.3), 0.4, 0.35)
    for side in (-1, 1):
        shown += 0.5 * canvas.limb((side * 0.2, 0.3), (side * 0.25, 1.9), 0.2, 0.1) + 0.4 * canvas.limb(
            (side * 0.5, -1), (side * 0.6, 0.3), 0.1, 0.07
        )
    for _ in range(int(rng.integers(5, 25))):
        shown += rng.uniform(0.2, 1.5) * canvas.ball((rng.uniform(-0.5, 0.5), rng.uniform(-1.6, 1.6)), (0.06, 0.06))
    counts = rng.poisson(np.maximum(gaussian_filter(shown, 1.5), 0) * rng.uniform(5, 40)).astype(np.float32)
    return _finish(counts * rng.choice([-1, 1]), rng)


# Grey of air, lung, soft tissue and bone in the windows for soft tissue, lung and bone.
_TISSUES = (
    (0, 0, 0.5, 1),
    (0, 0.05, 0.65, 1),
    (0.1, 0.25, 0.85, 1),
    (0.25, 0.3, 0.95, 1),
    (0, 0.3, 1, 1),
    (0, 0.1, 0.4, 0.9),
)

SCANS = {
    "head-slice": head_slice,
    "chest-slice": chest_slice,
    "coronal-slice": coronal_slice,
    "belly-slice": belly_slice,
    "knee-slice": knee_slice,
    "fan": fan,
    "echo": echo,
    "linear-probe": linear_probe,
    "glow": glow,
    "bone-scan": bone_scan,
}


def _lung(canvas: Canvas, rng: Rng, side: int, width: float, height: float) -> Plane:
    """Draw one lung: pointed at its top, cut off by a dome."""
    centre = (side * width * rng.uniform(0.44, 0.52), rng.uniform(-0.1, 0.1))
    field = canvas.disc(centre, (width * rng.uniform(0.3, 0.42), height * rng.uniform(0.95, 1.2)), side * 0.08, 0.03)
    dome = rng.uniform(0.35, 0.75) * height + rng.uniform(0.3, 1.2) * (canvas.x - centre[0]) ** 2
    return field * soft(dome - canvas.y, 0.02)


def _dots(canvas: Canvas, rng: Rng) -> Plane:
    """Draw cut vessels: spots and short lines, larger near the middle, and hazy patches in some."""
    drawn = canvas.empty()
    for _ in range(int(rng.integers(10, 50))):
        x, y, angle = rng.uniform(-0.8, 0.8), rng.uniform(-0.8, 0.7), rng.uniform(0, math.pi)
        reach = rng.uniform(0, 0.15)
        end = (x + reach * math.cos(angle), y + reach * math.sin(angle))
        drawn = np.maximum(drawn, rng.uniform(0.3, 1) * canvas.line((x, y), end, rng.uniform(0.01, 0.05), 0.015))
    if rng.random() < 0.4:
        drawn = np.maximum(drawn, rng.uniform(0.2, 0.7) * np.clip(cloud(rng, canvas.shape, 0.3) - 0.5, 0, 1))
    return drawn


def _between(canvas: Canvas, rng: Rng) -> Plane:
    """Draw what a slice shows between the lungs: vertebrae far back, else the heart and great vessels."""
    if rng.random() < 0.45:
        column = soft(rng.uniform(0.08, 0.14) - np.abs(canvas.x), 0.02)
        spine: Plane = column * rng.uniform(0.4, 1.0) * (0.6 + 0.4 * np.sign(np.cos(rng.uniform(12, 22) * canvas.y)))
        return spine
    size, spot = rng.uniform(0.2, 0.4), (rng.uniform(-0.05, 0.25), rng.uniform(0.05, 0.4))
    heart = canvas.disc(spot, (size, size * rng.uniform(0.7, 1.1)), rng.uniform(-0.6, 0.3), 0.03)
    middle: Plane = rng.uniform(0, 0.5) * np.maximum(
        heart, canvas.line((0.05, -0.5), spot, rng.uniform(0.1, 0.2), 0.02)
    )
    return middle


def _table(canvas: Canvas, rng: Rng) -> Plane:
    """The arc of the scanner's table, in some slices."""
    if rng.random() < 0.5:
        return canvas.empty()
    arc = canvas.radius((0, -0.6), (1.5, rng.uniform(1.45, 1.55)))
    return 0.3 * soft(0.015 - np.abs(arc - 1), 0.01) * soft(canvas.y - 0.4, 0.05)


def _finish(plane: Plane, rng: Rng) -> Picture:
    grainy = np.maximum(plane, 0 if plane.min() >= 0 else plane.min())
    return to_grey(
        np.clip(grainy + rng.standard_normal(plane.shape).astype(np.float32) * rng.uniform(0, 0.05), -10, 10)
    )
