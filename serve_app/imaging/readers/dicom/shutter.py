"""Display shutters: what a DICOM file declares to lie outside the film is black.

Source: DICOM PS3.3 C.7.6.11.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from serve_app.imaging.readers.dicom.dataset import Header
from serve_app.imaging.readers.dicom.elements import Elements

# Left, top, right and bottom edge.
_EDGES = (
    "ShutterLeftVerticalEdge",
    "ShutterUpperHorizontalEdge",
    "ShutterRightVerticalEdge",
    "ShutterLowerHorizontalEdge",
)
# Rows and columns are 16-bit numbers.
_MAX_PX = 65536


def shuttered(pixels: NDArray[np.uint8], elements: Elements, header: Header) -> NDArray[np.uint8]:
    """Blacken what lies outside a film's shutters, in place; a shutter that leaves nothing open counts as absent.

    Args:
        pixels: as stored: not yet turned, perhaps decoded at a half of the header's size or less.
    """
    drawn = {"RECTANGULAR": _rectangle, "CIRCULAR": _circle, "POLYGONAL": _polygon}
    for shape in elements.text("ShutterShape").split("\\"):
        if shape.strip() not in drawn:
            continue
        is_open = Image.new("1", (header.columns, header.rows))
        drawn[shape.strip()](ImageDraw.Draw(is_open), elements)
        if is_open.getbbox() is not None:
            pixels[~np.asarray(is_open.resize(pixels.shape[::-1]))] = 0
    return pixels


def _rectangle(draw: ImageDraw.ImageDraw, elements: Elements) -> None:
    edges = [elements.number(keyword) for keyword in _EDGES]
    left, top, right, bottom = (math.nan if edge is None else edge - 1 for edge in edges)
    if 0 <= left <= right < _MAX_PX and 0 <= top <= bottom < _MAX_PX:
        draw.rectangle((left, top, right, bottom), fill=1)


def _circle(draw: ImageDraw.ImageDraw, elements: Elements) -> None:
    center, radius = _points(elements, "CenterOfCircularShutter"), elements.number("RadiusOfCircularShutter")
    if len(center) == 1 and radius is not None and 0 < radius < _MAX_PX:
        draw.circle(center[0], radius, fill=1)


def _polygon(draw: ImageDraw.ImageDraw, elements: Elements) -> None:
    vertices = _points(elements, "VerticesOfThePolygonalShutter")
    if len(vertices) >= 3:
        draw.polygon(vertices, fill=1)


def _points(elements: Elements, keyword: str) -> list[tuple[float, float]]:
    """Read pairs of row and column, counted from 1, as x and y counted from 0; none where one is not usable."""
    numbers = elements.numbers(keyword)
    if len(numbers) % 2 or not all(abs(number) < _MAX_PX for number in numbers):
        return []
    return [(column - 1, row - 1) for row, column in zip(numbers[::2], numbers[1::2], strict=True)]
