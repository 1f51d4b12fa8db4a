"""Draws pictures that are not radiographs: text, charts, screens, test patterns, landscapes, noise, plain shapes."""

import functools
import string

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from training.gate.shapes import Canvas, cloud, to_grey

Rng = np.random.Generator
Picture = NDArray[np.uint8]
_LETTERS = np.array(list(string.ascii_letters + string.digits + "    .,-"))


def words(rng: Rng, num_letters: int) -> str:
    """Write meaningless text."""
    return "".join(rng.choice(_LETTERS, num_letters))


@functools.cache
def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load the default typeface in a size."""
    return ImageFont.load_default(size_px)


def text_page(rng: Rng) -> Picture:
    """Draw lines of text, dark on light or light on dark."""
    image, ink = _paper(rng)
    pen, size = ImageDraw.Draw(image), int(rng.integers(7, 22))
    for top in range(int(rng.integers(2, 12)), image.height, int(size * rng.uniform(1.2, 2.0))):
        pen.text((int(rng.integers(2, 20)), top), words(rng, int(rng.integers(3, 60))), fill=ink, font=font(size))
    return _lit(image, rng)


def chart(rng: Rng) -> Picture:
    """Draw axes with bars, curves or points."""
    image, ink = _paper(rng)
    pen = ImageDraw.Draw(image)
    base, left = image.height - 15, 18
    pen.line([(left, 5), (left, base), (image.width - 5, base)], fill=ink)
    xs = np.linspace(left + 5, image.width - 10, int(rng.integers(4, 40)))
    ys = base - np.abs(np.cumsum(rng.normal(0, 1, len(xs)))) / np.sqrt(len(xs)) * base * 0.6
    if rng.random() < 0.5:
        width = max(1.0, (xs[1] - xs[0]) * 0.35)
        for x, y in zip(xs, ys, strict=True):
            pen.rectangle([x - width, max(2, y), x + width, base], fill=int(rng.integers(0, 255)))
    else:
        pen.line([(float(x), float(y)) for x, y in zip(xs, ys, strict=True)], fill=ink, width=int(rng.integers(1, 4)))
    pen.text((left, 2), words(rng, 14), fill=ink)
    return np.array(image)


def screen(rng: Rng) -> Picture:
    """Draw windows, buttons and panels of a program, some holding a cloud."""
    image, _ = _paper(rng)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(4, 18))):
        left, top = int(rng.integers(0, image.width - 12)), int(rng.integers(0, image.height - 12))
        right, bottom = left + int(rng.integers(8, 90)), top + int(rng.integers(6, 70))
        pen.rectangle([left, top, right, bottom], fill=int(rng.integers(0, 255)), outline=int(rng.integers(0, 255)))
        if rng.random() < 0.5:
            pen.text((left + 2, top + 1), words(rng, 10), fill=int(rng.integers(0, 255)))
    return np.array(image)


def bars(rng: Rng) -> Picture:
    """Draw a test pattern: stripes, steps, a grid or a checkerboard."""
    canvas = _canvas(rng)
    periods = rng.uniform(1, 14, 2)
    kind = int(rng.integers(5))
    if kind == 0:
        plane = np.floor((canvas.x + 2) * periods[0]) % 2
    elif kind == 1:
        plane = np.floor((canvas.x + 2) * periods[0] / 2)
    elif kind == 2:
        plane = (np.floor((canvas.x + 2) * periods[0]) + np.floor((canvas.y + 2) * periods[0])) % 2
    elif kind == 3:
        plane = np.maximum(np.cos(canvas.x * periods[0] * 3) > 0.95, np.cos(canvas.y * periods[1] * 3) > 0.95)
    else:
        plane = np.sin(periods[0] * 3 * np.hypot(canvas.x, canvas.y) ** rng.uniform(0.7, 2))
    return _with_blocks(to_grey(plane.astype(np.float32)), rng)


def gradient(rng: Rng) -> Picture:
    """Draw a smooth ramp or a vignette."""
    canvas = _canvas(rng)
    slope = rng.normal(0, 1, 3)
    return to_grey(slope[0] * canvas.x + slope[1] * canvas.y + slope[2] * np.hypot(canvas.x, canvas.y) ** 2)


def noise(rng: Rng) -> Picture:
    """Draw noise, fine to coarse."""
    shape = (int(rng.integers(96, 180)), int(rng.integers(96, 180)))
    if rng.random() < 0.4:
        return to_grey(gaussian_filter(rng.standard_normal(shape).astype(np.float32), rng.uniform(0, 4)))
    return to_grey(np.clip(cloud(rng, shape, rng.uniform(0.03, 1)), -2.5, 2.5))


def landscape(rng: Rng) -> Picture:
    """Draw sky over ridges, with a sun or windows: the rough composition of an outdoor photograph."""
    canvas = Canvas.of(int(rng.integers(100, 140)), 160)
    plane = 0.8 - 0.2 * canvas.y + 0.1 * cloud(rng, canvas.shape, 0.7)
    for ridge in range(int(rng.integers(1, 5))):
        height = rng.uniform(-0.3, 0.5) + 0.3 * cloud(rng, (1, canvas.shape[1]), 0.5)[0] * rng.uniform(0.1, 0.8)
        below = canvas.y > height[None, :] + ridge * 0.1
        plane = np.where(below, rng.uniform(0, 1) + 0.1 * cloud(rng, canvas.shape, 0.05), plane)
    return to_grey(plane)


def still_life(rng: Rng) -> Picture:
    """Draw lit balls, boxes and sticks on a ground: the rough composition of an object photograph."""
    canvas = _canvas(rng)
    plane = rng.uniform(0, 1) + 0.15 * cloud(rng, canvas.shape, 0.6)
    for _ in range(int(rng.integers(1, 9))):
        spot, radii, turn = (
            (rng.uniform(-1, 1), rng.uniform(-1, 1)),
            (rng.uniform(0.08, 0.7), rng.uniform(0.08, 0.7)),
            rng.uniform(0, 3),
        )
        mask = (
            canvas.disc(spot, radii, turn, 0.02)
            if rng.random() < 0.6
            else canvas.line(spot, (rng.uniform(-1, 1), rng.uniform(-1, 1)), radii[0])
        )
        lit = (
            rng.uniform(0, 1)
            + rng.uniform(-0.5, 0.5) * (canvas.x - spot[0])
            + rng.uniform(-0.5, 0.5) * (canvas.y - spot[1])
        )
        plane = plane * (1 - mask) + mask * (lit + rng.uniform(0, 0.2) * cloud(rng, canvas.shape, 0.1))
    return to_grey(np.clip(plane, -0.3, 1.3))


def stars(rng: Rng) -> Picture:
    """Draw bright spots on dark, or cells on light."""
    canvas = _canvas(rng)
    plane = canvas.empty()
    for _ in range(int(rng.integers(10, 90))):
        size = rng.uniform(0.01, 0.12)
        plane += rng.uniform(0.1, 1) * canvas.ball(
            (rng.uniform(-1.2, 1.2), rng.uniform(-1.2, 1.2)), (size, size * rng.uniform(0.4, 1)), rng.uniform(0, 3)
        )
    return to_grey(plane * rng.choice([-1, 1]))


def twins(rng: Rng) -> Picture:
    """Draw two dark or bright blobs side by side, which might fool a lung detector."""
    canvas = _canvas(rng)
    plane = rng.uniform(-0.3, 0.3) * cloud(rng, canvas.shape, rng.uniform(0.2, 0.8))
    apart, tall = rng.uniform(0.3, 0.6), rng.uniform(0.15, 0.7)
    for side in (-1, 1):
        plane -= canvas.disc(
            (side * apart, rng.uniform(-0.3, 0.3)),
            (rng.uniform(0.12, 0.4), tall),
            rng.uniform(-0.4, 0.4),
            rng.uniform(0.01, 0.1),
        )
    return to_grey(plane * rng.choice([1, 1, -1]))


PAGES = {
    "text-page": text_page,
    "chart": chart,
    "screen": screen,
    "bars": bars,
    "gradient": gradient,
    "noise": noise,
    "landscape": landscape,
    "still-life": still_life,
    "stars": stars,
    "twins": twins,
}


def _canvas(rng: Rng) -> Canvas:
    return Canvas.of(int(rng.integers(110, 170)), int(rng.integers(110, 170)))


def _paper(rng: Rng) -> tuple[Image.Image, int]:
    paper = int(rng.integers(170, 256)) if rng.random() < 0.7 else int(rng.integers(0, 60))
    size = (int(rng.integers(110, 200)), int(rng.integers(90, 200)))
    return Image.new("L", size, paper), int(rng.integers(0, 70)) if paper > 128 else int(rng.integers(180, 256))


def _lit(image: Image.Image, rng: Rng) -> Picture:
    """Light a page unevenly, as on a photograph."""
    plane = np.asarray(image, dtype=np.float32)
    canvas = Canvas.of(image.height, image.width)
    return np.clip(plane * (1 + rng.uniform(-0.3, 0.3) * canvas.x + rng.uniform(-0.3, 0.3) * canvas.y), 0, 255).astype(
        np.uint8
    )


def _with_blocks(picture: Picture, rng: Rng) -> Picture:
    """Draw blocks and a frame over a pattern, as on test charts."""
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 14))):
        left, top = int(rng.integers(0, image.width - 10)), int(rng.integers(0, image.height - 10))
        pen.rectangle(
            [left, top, left + int(rng.integers(5, 50)), top + int(rng.integers(5, 50))], fill=int(rng.integers(0, 255))
        )
    return np.array(image)
