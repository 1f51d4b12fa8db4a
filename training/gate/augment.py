"""Augments pictures with crops, borders, letters and noise, and turns chest films into unusual ones or non-chests."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from training.gate.pages import font, words
from training.gate.shapes import Canvas

Rng = np.random.Generator
Picture = NDArray[np.uint8]


def vary(picture: Picture, rng: Rng) -> Picture:
    """Vary a picture as scanners, viewers and cameras do, without changing its content."""
    image = _frame(_geometry(Image.fromarray(picture), rng), rng)
    if rng.random() < 0.6:
        image = _annotate(image, rng)
    image = Image.fromarray(_tone(np.asarray(image), rng))
    if rng.random() < 0.25:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))
    if rng.random() < 0.25:
        image = _through_jpeg(image, int(rng.integers(15, 80)))
    pixels = np.asarray(image)
    if rng.random() < 0.35:
        pixels = np.clip(pixels + rng.normal(0, rng.uniform(1, 14), pixels.shape), 0, 255).astype(np.uint8)
    return pixels


def make_unusual(film: Picture, rng: Rng) -> Picture:
    """Make a chest film unusual: rotated, inverted, cut in half or doubled."""
    kind = rng.choice(["turn", "turn", "invert", "invert", "half", "double"])
    if kind == "turn":
        return np.rot90(film, int(rng.integers(1, 4))).copy()
    if kind == "invert":
        return 255 - film
    if kind == "half":
        return cut(film, rng, (0.42, 0.55))
    other = film[:, ::-1] if rng.random() < 0.5 else film
    return np.concatenate([film, other], axis=int(rng.integers(2)))


def whiten(film: Picture, rng: Rng) -> Picture:
    """Whiten part of a film softly, as fluid and dense consolidation do."""
    canvas = Canvas.of(*film.shape)
    spot, radii = (rng.uniform(-0.8, 0.8), rng.uniform(-0.6, 0.9)), (rng.uniform(0.2, 0.7), rng.uniform(0.2, 0.9))
    share = rng.uniform(0.2, 0.85) * canvas.disc(spot, radii, rng.uniform(-0.5, 0.5), 0.2)
    return (film + (235.0 - film) * share).clip(0, 255).astype(np.uint8)


def make_non_chest(film: Picture, rng: Rng) -> Picture:
    """Turn a chest film into a non-chest: a small detail of it, or its pieces shuffled."""
    if rng.random() < 0.6:
        share = rng.uniform(0.15, 0.35)
        rows, columns = (max(8, round(side * share)) for side in film.shape)
        top, left = rng.integers(0, film.shape[0] - rows), rng.integers(0, film.shape[1] - columns)
        return film[top : top + rows, left : left + columns]
    parts = int(rng.integers(2, 5))
    rows, columns = film.shape[0] // parts, film.shape[1] // parts
    order = rng.permutation(parts * parts)
    tiles = [film[i // parts * rows :, i % parts * columns :][:rows, :columns] for i in order]
    return np.block([tiles[row * parts : (row + 1) * parts] for row in range(parts)])


def cut(picture: Picture, rng: Rng, shares: tuple[float, float]) -> Picture:
    """Keep a share of the width or of the height."""
    axis, share = int(rng.integers(2)), rng.uniform(*shares)
    kept = max(8, round(picture.shape[axis] * share))
    start = int(rng.integers(0, picture.shape[axis] - kept + 1))
    return picture.take(range(start, start + kept), axis=axis)


def detail(picture: Picture, rng: Rng) -> Picture:
    """Crop some pictures and randomly flip and rotate them. For pictures without an upright orientation."""
    share = rng.uniform(0.3, 1.0) if rng.random() < 0.6 else 1.0
    rows, columns = (max(8, round(side * share)) for side in picture.shape)
    top, left = rng.integers(0, picture.shape[0] - rows + 1), rng.integers(0, picture.shape[1] - columns + 1)
    part = np.rot90(picture[top : top + rows, left : left + columns], int(rng.integers(4)) if rng.random() < 0.4 else 0)
    part = part[:, ::-1] if rng.random() < 0.5 else part
    return 255 - part if rng.random() < 0.15 else part.copy()


def _geometry(image: Image.Image, rng: Rng) -> Image.Image:
    if rng.random() < 0.3:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.5:
        image = image.rotate(rng.uniform(-9, 9), Image.Resampling.BILINEAR, fillcolor=int(rng.choice([0, 0, 255, 60])))
    left, top, right, bottom = rng.uniform(0, 0.1, 4) * np.array([image.width, image.height] * 2)
    image = image.crop((round(left), round(top), image.width - round(right), image.height - round(bottom)))
    stretch = rng.uniform(0.82, 1.22) if rng.random() < 0.6 else 1.0
    return image.resize((max(8, round(image.width * stretch)), image.height), Image.Resampling.BILINEAR)


def _frame(image: Image.Image, rng: Rng) -> Image.Image:
    """Put a picture on a larger background, or blacken its border as a collimator does."""
    if rng.random() < 0.3:
        widest = 0.5 if rng.random() < 0.3 else 0.15
        margins = (rng.uniform(0, widest, 4) * max(image.size)).astype(int)
        size = (image.width + int(margins[0] + margins[2]), image.height + int(margins[1] + margins[3]))
        ground = Image.new("L", size, int(rng.choice([0, 0, 0, 255, int(rng.integers(0, 256))])))
        ground.paste(image, (int(margins[0]), int(margins[1])))
        return ground
    if rng.random() < 0.2:
        rims = (rng.uniform(0, 0.1, 4) * max(image.size)).astype(int)
        pixels = np.array(image)
        pixels[: rims[0]], pixels[pixels.shape[0] - rims[1] :] = 0, 0
        pixels[:, : rims[2]], pixels[:, pixels.shape[1] - rims[3] :] = 0, 0
        return Image.fromarray(pixels)
    return image


def _annotate(image: Image.Image, rng: Rng) -> Image.Image:
    """Burn in letters and markers, and sometimes draw a device or a cable."""
    annotated = image.copy()
    pen, ink = ImageDraw.Draw(annotated), int(rng.choice([255, 255, 230, 0]))
    for _ in range(int(rng.integers(0, 4))):
        spot = (
            rng.uniform(0, 0.9) * image.width,
            rng.choice([rng.uniform(0, 0.12), rng.uniform(0.85, 0.95)]) * image.height,
        )
        pen.text(spot, words(rng, int(rng.integers(1, 16))), fill=ink, font=font(int(rng.integers(6, 18))))
    if rng.random() < 0.2:
        points = [(rng.uniform(0, 1) * image.width, rng.uniform(0, 1) * image.height) for _ in range(4)]
        pen.line(points, fill=int(rng.integers(180, 256)), width=1)
    if rng.random() < 0.1:
        left, top = rng.uniform(0.1, 0.8) * image.width, rng.uniform(0.1, 0.8) * image.height
        pen.ellipse([left, top, left + rng.uniform(5, 25), top + rng.uniform(5, 25)], fill=255)
    return annotated


def _tone(pixels: Picture, rng: Rng) -> Picture:
    levels = np.linspace(0, 1, 256)
    levels = levels ** np.exp(rng.normal(0, 0.35))
    if rng.random() < 0.4:
        middle, steepness = rng.uniform(0.35, 0.65), rng.uniform(3, 9)
        levels = 1 / (1 + np.exp(-steepness * (levels - middle)))
    low, high = rng.uniform(-0.15, 0.2), rng.uniform(0.8, 1.2)
    levels = np.clip((levels - levels[0]) / (levels[-1] - levels[0]) * (high - low) + low, 0, 1)
    table: Picture = np.rint(levels * 255).astype(np.uint8)
    return table[pixels]


def _through_jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("L")
