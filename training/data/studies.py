"""What training and evaluation read: one reported study, and the row that could not be read.

Knows nothing about files, tables or models.
"""

from dataclasses import dataclass

from serve_app.domain.facts import Fact
from serve_app.domain.study import Patient, View

STAND_INS = ("study:", "image:")
"""How a `patient_id` begins that no table gave: the study stands for its patient, or the image does."""


@dataclass(frozen=True, slots=True)
class ReportedStudy:
    """A film with the report a reader wrote about it.

    `image` is the file as it is stored (PNG, JPEG or DICOM); the texts are in Unicode NFC, stripped, never empty.
    Where the table has no patient id, `patient_id` is a stand-in.
    `facts` is the truth about a drawn film and None for any other.
    """

    study_id: str
    patient_id: str
    image: bytes
    patient: Patient
    findings: str
    impression: str
    facts: frozenset[Fact] | None = None
    view: View | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out. `row` counts from 1; `reason` holds no word of the report or the patient."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class LocatedStudy:
    """A study and the row it was read from: `file` is relative to the source, `row` counts from 1."""

    file: str
    row: int
    study: ReportedStudy
