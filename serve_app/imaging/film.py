"""A film: the picture as a reader would see it, grey and upright, with what the gate must know besides.

Knows nothing about files, DICOM or models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.radiograph import Source

# A thumbnail pixel counts as coloured when its channels differ by more than this; JPEG chroma noise stays below.
_COLOURED_SPREAD = 28
_COLOUR_SAMPLE_PX = 128


@dataclass(frozen=True, slots=True)
class Film:
    """What was displayed by the file.

    `pixels` is uint8, shape (height, width), air dark and bone bright, square pixels. `colour_ratio` is the share
    (0 to 1) of the picture's area that is visibly coloured; a grey file has 0.
    """

    pixels: NDArray[np.uint8]
    source: Source
    colour_ratio: float = 0.0


def grey(image: Image.Image) -> NDArray[np.uint8]:
    """Turn an RGB picture into luma (ITU-R BT.601), shape (height, width)."""
    return np.asarray(image.convert("L"))


def colour_ratio(image: Image.Image) -> float:
    """Measure the share of an RGB picture's area that is visibly coloured, on a thumbnail."""
    size = (min(_COLOUR_SAMPLE_PX, image.width), min(_COLOUR_SAMPLE_PX, image.height))
    sample = np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=1.0)).astype(np.int16)
    return float((np.ptp(sample, axis=2) > _COLOURED_SPREAD).mean())
