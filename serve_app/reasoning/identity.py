"""What the form and the files say about patient and views, made one; no contradiction is settled silently."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from serve_app.domain.errors import ContradictoryStudy
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import ReportedImage
from serve_app.domain.study import Age, Origin, Patient, Sex, Study, StudyImage, View

T = TypeVar("T", Sex, Age, View)

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
    age, age_origin = _agreed("age", study.patient.age, [file.age for file in files])
    images = tuple(_reported(*pair) for pair in zip(study.images, prepared, strict=True))
    return Identity(Patient(sex, age), sex_origin, age_origin, images)


def _reported(sent: StudyImage, image: Radiograph) -> ReportedImage:
    view, origin = _agreed("view", sent.view, [image.attributes.view])
    return ReportedImage(image.digest, image.source, image.gate, view, origin, sent.role)


def _agreed(field: str, said: T | None, by_files: Sequence[T | None]) -> tuple[T | None, Origin | None]:
    element = _ELEMENTS[field]
    of_files: T | None = None
    for value in by_files:
        if value is not None:
            of_files = value if of_files is None else _narrowed(of_files, value)
            if of_files is None:
                raise ContradictoryStudy(f"the files disagree about {element}", element, element)
    if said is None:
        return of_files, None if of_files is None else Origin.FILE
    known = said if of_files is None else _narrowed(said, of_files)
    if known is None:
        raise ContradictoryStudy(f"the form field {field} contradicts {element} of the file", field, element)
    return known, Origin.FORM if known == said else Origin.FILE


def _narrowed(one: T, other: T) -> T | None:
    """Return the more exact of two statements, or null if they contradict each other."""
    if isinstance(one, Age) and isinstance(other, Age):
        return one.narrowed(other)
    for exact, rough in ((one, other), (other, one)):
        if exact == rough or (rough is View.FRONTAL and exact in (View.PA, View.AP)):
            return exact
    return None


def _require_one_patient(prepared: Sequence[Radiograph]) -> None:
    patients = {image.reference.patient_digest for image in prepared if image.reference is not None} - {None}
    if len(patients) > 1:
        raise ContradictoryStudy("the files are of different patients", "PatientID", "PatientID")
