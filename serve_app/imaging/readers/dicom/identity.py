"""What a DICOM file says of its patient and view, and where it comes from. An unusable value never fails the read.

Every value read here is the patient's: it goes into `FileAttributes` and `DicomReference` and nowhere else.
"""

import hashlib
import re
from datetime import date, datetime

from pydicom.dataset import Dataset

from serve_app.domain.errors import InvalidPatient
from serve_app.domain.radiograph import DicomReference, FileAttributes
from serve_app.domain.study import Age, AgeUnit, Sex, View, parse_age
from serve_app.imaging.readers.dicom.damage import PYDICOM_ERRORS

KEYWORDS = (
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "PatientSex",
    "PatientAge",
    "PatientBirthDate",
    "StudyDate",
    "AcquisitionDate",
    "ViewPosition",
    "ViewCodeSequence",
)
_SEXES = {"M": Sex.MALE, "F": Sex.FEMALE}
# DICOM PS3.3 C.8.1.2.1.1 (CR) and C.8.11.1 (DX): defined terms of ViewPosition.
_VIEWS = {
    "AP": View.AP,
    "PA": View.PA,
    "LL": View.LATERAL,
    "RL": View.LATERAL,
    "LATERAL": View.LATERAL,
    "LAT": View.LATERAL,
}
# DICOM PS3.16 CID 4010, as SNOMED CT, and as the older SNOMED-RT that many archives still hold.
_VIEW_CODES = {
    "399348003": View.AP,
    "R-10206": View.AP,
    "272479007": View.PA,
    "R-10214": View.PA,
    "R-40888": View.PA,
    "399067008": View.LATERAL,
    "R-102CD": View.LATERAL,
    "399173006": View.LATERAL,
    "R-10236": View.LATERAL,
    "399198007": View.LATERAL,
    "R-10232": View.LATERAL,
}
_SNOMED = frozenset({"SCT", "SRT", "SNM3", "99SDM"})
# DICOM PS3.5 6.2: an age string, also without its leading zeros.
_AGE = re.compile(r"\d{1,3}[DWMYdwmy]")


def read_attributes(dataset: Dataset) -> FileAttributes:
    """Read sex, age and view.

    Source: DICOM PS3.3 C.7.1.1, C.7.2.2; PS3.5 6.2.
    """
    age = _age(_text(dataset, "PatientAge"))
    if age is None:
        taken = _date(dataset, "StudyDate") or _date(dataset, "AcquisitionDate")
        age = _age_between(_date(dataset, "PatientBirthDate"), taken)
    # A decubitus or oblique position is none of the three views, whatever the code says.
    position = _text(dataset, "ViewPosition").upper()
    view = _VIEWS.get(position) if position else _coded_view(dataset)
    return FileAttributes(_SEXES.get(_text(dataset, "PatientSex").upper()), age, view)


def read_reference(dataset: Dataset) -> DicomReference:
    """Read the identifiers that a document needs to point to the image.

    Source: DICOM PS3.3 C.7.2.1, C.7.3.1, C.12.1.
    """
    patient = _text(dataset, "PatientID")
    issued = f"{_text(dataset, 'IssuerOfPatientID')}\\{patient}".encode()
    return DicomReference(
        study_uid=_text(dataset, "StudyInstanceUID") or None,
        series_uid=_text(dataset, "SeriesInstanceUID") or None,
        instance_uid=_text(dataset, "SOPInstanceUID") or None,
        sop_class_uid=_text(dataset, "SOPClassUID") or None,
        view_position=_text(dataset, "ViewPosition") or None,
        patient_orientation=_text(dataset, "PatientOrientation") or None,
        patient_digest=hashlib.sha256(issued).hexdigest() if patient else None,
    )


def _text(dataset: Dataset, keyword: str) -> str:
    """Read an element's first value, or all of PatientOrientation's; empty where there is none to read."""
    try:
        value = dataset.get(keyword)
    except PYDICOM_ERRORS:
        return ""
    if value is None or isinstance(value, bytes):
        return ""
    if not isinstance(value, str) and hasattr(value, "__iter__"):
        return "\\".join(str(part) for part in value)
    return str(value).strip(" \0")


def _age(text: str) -> Age | None:
    try:
        return parse_age(text.zfill(4)) if _AGE.fullmatch(text) else None
    except InvalidPatient:
        return None


def _date(dataset: Dataset, keyword: str) -> date | None:
    try:
        return datetime.strptime(_text(dataset, keyword), "%Y%m%d").date()
    except ValueError:
        return None


def _age_between(born: date | None, taken: date | None) -> Age | None:
    """Count completed years, in the first year completed months, in the first month days."""
    if born is None or taken is None:
        return None
    months = 12 * (taken.year - born.year) + taken.month - born.month - (taken.day < born.day)
    try:
        if months >= 12:
            return Age(months // 12)
        return Age(months, AgeUnit.MONTHS) if months else Age((taken - born).days, AgeUnit.DAYS)
    except InvalidPatient:
        return None


def _coded_view(dataset: Dataset) -> View | None:
    try:
        items = list(dataset.get("ViewCodeSequence") or ())
    except PYDICOM_ERRORS:
        return None
    known = (item for item in items if _text(item, "CodingSchemeDesignator") in _SNOMED)
    return next((view for item in known if (view := _VIEW_CODES.get(_text(item, "CodeValue")))), None)
