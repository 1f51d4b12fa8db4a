"""An image on its way to the model: what came in, what was decided about it, what the model sees."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from serve_app.domain.study import Age, Sex, View

PATCH_UNIT_PX = 28
"""Side of the square that one visual token covers: Qwen2-VL's 14-pixel patches, merged two by two."""


class GateOutcome(StrEnum):
    PASS = "pass"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    UNJUDGED = "unjudged"


class Correction(StrEnum):
    """What is done to an image before it is judged and shown to the model; turns are by 90 degrees, or 180."""

    BORDERS_CROPPED = "borders-cropped"
    BRIGHTNESS_RESTORED = "brightness-restored"
    CONTRAST_RESTORED = "contrast-restored"
    INVERTED = "inverted"
    TURNED_LEFT = "turned-left"
    TURNED_RIGHT = "turned-right"
    TURNED_AROUND = "turned-around"


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Whether this is a chest X-ray. `score` is 0 (surely not) to 1 (surely), null where unjudged; `reason` is a code.

    `is_confirmed`: the client confirmed the image, and that decided. `corrections`: the film that was judged, and that
    the model gets, differs from the file in these. `remedy`: the correction that would let an inverted or rotated film
    pass.
    """

    outcome: GateOutcome
    score: float | None
    reason: str
    is_confirmed: bool = False
    corrections: tuple[Correction, ...] = ()
    remedy: Correction | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The file as it was sent: `format` is PNG, JPEG or DICOM; width and height in pixels before any resizing."""

    format: str
    width_px: int
    height_px: int
    bits_stored: int


@dataclass(frozen=True, slots=True)
class FileAttributes:
    """What a file says about its patient and view, null where it does not; no field appears in a representation."""

    sex: Sex | None = field(default=None, repr=False)
    age: Age | None = field(default=None, repr=False)
    view: View | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DicomReference:
    """Where an image comes from, so that a document can point to it; no field appears in a representation.

    `view_position` and `patient_orientation` are the file's own words; `patient_digest` is the hex SHA-256 over
    PatientID and its issuer. Null where the file does not say.
    """

    study_uid: str | None = field(default=None, repr=False)
    series_uid: str | None = field(default=None, repr=False)
    instance_uid: str | None = field(default=None, repr=False)
    sop_class_uid: str | None = field(default=None, repr=False)
    view_position: str | None = field(default=None, repr=False)
    patient_orientation: str | None = field(default=None, repr=False)
    patient_digest: str | None = field(default=None, repr=False)


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
    attributes: FileAttributes = field(default=FileAttributes(), repr=False)
    reference: DicomReference | None = field(default=None, repr=False)
