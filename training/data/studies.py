"""The data that training and evaluation read: a reported study, or a row that could not be read."""

from dataclasses import dataclass

from serve_app.domain.facts import Fact
from serve_app.domain.study import Patient, View

STAND_INS = ("study:", "image:")
"""Prefixes of a `patient_id` that is missing in the table: the study or the image replaces the patient."""


@dataclass(frozen=True, slots=True)
class ReportedStudy:
    """An image with the report that a reader wrote about it.

    `image` is the stored file (PNG, JPEG or DICOM). The texts are stripped Unicode NFC, never empty. If the table has
    no patient id, `patient_id` is a substitute. `facts` are the true facts of a drawn film, and None for any other
    image. `unread` names the fields of patient and view whose cells could not be read and count as unknown.
    """

    study_id: str
    patient_id: str
    image: bytes
    patient: Patient
    findings: str
    impression: str
    facts: frozenset[Fact] | None = None
    view: View | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out. `row` counts from 1; `reason` contains nothing of the report or the patient."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class LocatedStudy:
    """A study and its source row: `file` is relative to the source, `row` counts from 1."""

    file: str
    row: int
    study: ReportedStudy
