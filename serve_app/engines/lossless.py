"""Prepared pixels as a file on the way to a model server, and back: what arrives is what was prepared."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.errors import BadRequest


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode RGB of shape (height, width, 3); quickly rather than small."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def pixels(file: bytes) -> NDArray[np.uint8]:
    """Decode what `png` made.

    Raises:
        BadRequest: it is not an RGB PNG.
    """
    try:
        with Image.open(io.BytesIO(file), formats=("PNG",)) as image:
            if image.mode != "RGB":
                raise BadRequest("a prepared image has three colours of eight bits")
            return np.asarray(image)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadRequest("a prepared image is a PNG file") from error
