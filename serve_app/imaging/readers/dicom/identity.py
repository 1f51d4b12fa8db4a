"""What a DICOM file says of its patient and view, and where it comes from. An unusable value never fails the read.

Every value read here is the patient's: it goes into `FileAttributes` and `DicomReference` and nowhere else.
"""

import hashlib
import re
from datetime import date, datetime

from serve_app.domain.errors import InvalidPatient
from serve_app.domain.radiograph import DicomReference, FileAttributes
from serve_app.domain.study import Age, AgeUnit, Sex, View, parse_age
from serve_app.imaging.readers.dicom.elements import Elements

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


def read_attributes(elements: Elements) -> FileAttributes:
    """Read sex, age and view.

    Source: DICOM PS3.3 C.7.1.1, C.7.2.2; PS3.5 6.2.
    """
    age = _age(elements.text("PatientAge"))
    if age is None:
        taken = _date(elements, "StudyDate") or _date(elements, "AcquisitionDate")
        age = _age_between(_date(elements, "PatientBirthDate"), taken)
    # A decubitus or oblique position is none of the three views, whatever the code says.
    position = elements.text("ViewPosition").upper()
    view = _VIEWS.get(position) if position else _coded_view(elements)
    return FileAttributes(_SEXES.get(elements.text("PatientSex").upper()), age, view)


def read_reference(elements: Elements) -> DicomReference:
    """Read the identifiers that a document needs to point to the image.

    Source: DICOM PS3.3 C.7.2.1, C.7.3.1, C.12.1.
    """
    patient = elements.text("PatientID")
    issued = f"{elements.text('IssuerOfPatientID')}\\{patient}".encode()
    return DicomReference(
        study_uid=elements.text("StudyInstanceUID") or None,
        series_uid=elements.text("SeriesInstanceUID") or None,
        instance_uid=elements.text("SOPInstanceUID") or None,
        sop_class_uid=elements.text("SOPClassUID") or None,
        view_position=elements.text("ViewPosition") or None,
        patient_orientation=elements.text("PatientOrientation") or None,
        patient_digest=hashlib.sha256(issued).hexdigest() if patient else None,
    )


def _age(text: str) -> Age | None:
    try:
        return parse_age(text.zfill(4)) if _AGE.fullmatch(text) else None
    except InvalidPatient:
        return None


def _date(elements: Elements, keyword: str) -> date | None:
    try:
        return datetime.strptime(elements.text(keyword), "%Y%m%d").date()
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


def _coded_view(elements: Elements) -> View | None:
    known = (item for item in elements.items("ViewCodeSequence") if item.text("CodingSchemeDesignator") in _SNOMED)
    return next((view for item in known if (view := _VIEW_CODES.get(item.text("CodeValue")))), None)
