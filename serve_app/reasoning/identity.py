"""What the form and the files say about patient and views, made one; no contradiction is settled silently."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from serve_app.domain.errors import ContradictoryStudy
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import ReportedImage
from serve_app.domain.study import Origin, Patient, Study, StudyImage

T = TypeVar("T")

# Form fields and the elements of a DICOM file that say the same.
_ELEMENTS = {
    "sex": "PatientSex",
    "age": "PatientAge or PatientBirthDate",
    "view": "ViewPosition or ViewCodeSequence",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """The patient as known from form and files, with who said what, and the images with their views."""

    patient: Patient
    sex_origin: Origin | None
    age_origin: Origin | None
    images: tuple[ReportedImage, ...]


def identify(study: Study, prepared: Sequence[Radiograph]) -> Identity:
    """Fill what the form leaves open from the files.

    Raises:
        ContradictoryStudy: the form and a file disagree, or two files do. Both fields are named, no value is.
    """
    _require_one_patient(prepared)
    files = [image.attributes for image in prepared]
    sex, sex_origin = _agreed("sex", study.patient.sex, [file.sex for file in files])
    age_years, age_origin = _agreed("age", study.patient.age_years, [file.age_years for file in files])
    images = tuple(_reported(*pair) for pair in zip(study.images, prepared, strict=True))
    return Identity(Patient(sex, age_years), sex_origin, age_origin, images)


def _reported(sent: StudyImage, image: Radiograph) -> ReportedImage:
    view, origin = _agreed("view", sent.view, [image.attributes.view])
    return ReportedImage(image.digest, image.source, image.gate, view, origin, sent.role)


def _agreed(field: str, said: T | None, by_files: Sequence[T | None]) -> tuple[T | None, Origin | None]:
    element = _ELEMENTS[field]
    of_files = {value for value in by_files if value is not None}
    if len(of_files) > 1:
        raise ContradictoryStudy(f"the files disagree about {element}", element, element)
    if said is None:
        return next(iter(of_files), None), Origin.FILE if of_files else None
    if of_files - {said}:
        raise ContradictoryStudy(f"the form field {field} contradicts {element} of the file", field, element)
    return said, Origin.FORM


def _require_one_patient(prepared: Sequence[Radiograph]) -> None:
    patients = {image.reference.patient_digest for image in prepared if image.reference is not None} - {None}
    if len(patients) > 1:
        raise ContradictoryStudy("the files are of different patients", "PatientID", "PatientID")
