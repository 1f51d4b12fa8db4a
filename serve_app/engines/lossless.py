"""Encodes prepared pixels losslessly for a model server, and decodes them."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.errors import BadRequest


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode RGB of shape (height, width, 3) as PNG. Favours speed over size."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def pixels(file: bytes) -> NDArray[np.uint8]:
    """Decode a file that `png` encoded.

    Raises:
        BadRequest: the file is not an RGB PNG.
    """
    try:
        with Image.open(io.BytesIO(file), formats=("PNG",)) as image:
            if image.mode != "RGB":
                raise BadRequest("a prepared image must be RGB with 8 bits per channel")
            return np.asarray(image)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadRequest("a prepared image must be a PNG file") from error
