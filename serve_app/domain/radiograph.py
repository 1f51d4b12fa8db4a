"""An image on its way to the model: what came in, what was decided about it, what the model sees."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

PATCH_UNIT_PX = 28
"""Side of the square that one visual token covers: Qwen2-VL's 14-pixel patches, merged two by two."""


class GateOutcome(StrEnum):
    PASS = "pass"
    CONFIRM = "confirm"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Whether this is a chest X-ray. `score` is 0 (surely not) to 1 (surely); `reason` is a stable code."""

    outcome: GateOutcome
    score: float
    reason: str
    is_overridden: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """The file as it was sent: `format` is PNG, JPEG or DICOM; width and height in pixels before any resizing."""

    format: str
    width_px: int
    height_px: int
    bits_stored: int


@dataclass(frozen=True, slots=True)
class Radiograph:
    """A prepared image.

    `pixels` is uint8 RGB of shape (height, width, 3), each side a multiple of the model's patch unit. `digest` names
    it: hex SHA-256 over the pixels, their shape and the preparation's version.
    """

    pixels: NDArray[np.uint8]
    digest: str
    source: Source
    gate: GateVerdict
