"""The draft report and the events that lead to it."""

from dataclasses import dataclass
from enum import StrEnum

from serve_app.domain.conversation import Usage
from serve_app.domain.radiograph import GateVerdict, Source
from serve_app.domain.study import Patient

DISCLAIMER = (
    "Bản nháp do AI tạo, chỉ để tham khảo, không thay thế chẩn đoán. Bác sĩ chuyên khoa phải xem, sửa và ký trước khi "
    "sử dụng. Không phải thiết bị y tế đã được cấp số lưu hành."
)


class SectionName(StrEnum):
    FINDINGS = "findings"
    IMPRESSION = "impression"


class SectionStatus(StrEnum):
    """Whether a section can be read as the model's whole answer."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    LOOPING = "looping"


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report: the model's text unchanged, and the same split into items."""

    text: str
    items: tuple[str, ...]
    status: SectionStatus


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """How one turn was asked and what it cost; times in seconds from the turn's start."""

    section: SectionName
    question: str
    usage: Usage
    first_token_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """A draft. `digest` names the prepared image; `is_draft` never changes here: signing is another record's matter."""

    id: str
    created_unix_s: float
    patient: Patient
    source: Source
    gate: GateVerdict
    digest: str
    findings: Section
    impression: Section
    turns: tuple[TurnRecord, ...]
    preparation_s: float
    duration_s: float
    model: str
    prompt_version: str
    disclaimer: str = DISCLAIMER
    is_draft: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """The image was read and let through; sent before the first token."""

    report_id: str
    digest: str
    source: Source
    gate: GateVerdict


@dataclass(frozen=True, slots=True)
class SectionDelta:
    """New text of a section."""

    section: SectionName
    text: str


@dataclass(frozen=True, slots=True)
class SectionDone:
    """A section is finished."""

    name: SectionName
    section: Section


ReportEvent = Prepared | SectionDelta | SectionDone | Report


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What the door hands to the reporter. `has_override` records that the client vouches for the image."""

    report_id: str
    image: bytes
    patient: Patient
    has_override: bool = False
    deadline_unix_s: float | None = None
