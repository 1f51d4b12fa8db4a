"""The draft report and the events that lead to it."""

from dataclasses import dataclass
from enum import StrEnum

from serve_app.domain.conversation import Usage
from serve_app.domain.radiograph import GateVerdict, Source
from serve_app.domain.study import ImageRole, Origin, Patient, View

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


class ConcernCode(StrEnum):
    """What a check found in a draft."""

    POLARITY_DISAGREES = "polarity-disagrees"
    SIDE_DISAGREES = "side-disagrees"
    PLACE_DISAGREES = "place-disagrees"
    DEGREE_DISAGREES = "degree-disagrees"
    CONTRADICTS_ITSELF = "contradicts-itself"
    UNSUPPORTED = "unsupported"
    DROPPED = "dropped"
    SIDE_MISSING = "side-missing"
    PRIOR_MENTIONED = "prior-mentioned"
    NOT_A_REPORT = "not-a-report"
    NOT_UNDERSTOOD = "not-understood"
    SECTION_INCOMPLETE = "section-incomplete"
    DRAWN_FROM_INCOMPLETE = "drawn-from-incomplete"


class ConcernSeverity(StrEnum):
    """High: a doctor who misses it may harm the patient. Medium: the draft is wrong somewhere. Low: read again."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


_SEVERITY = {
    ConcernCode.PLACE_DISAGREES: ConcernSeverity.MEDIUM,
    ConcernCode.DEGREE_DISAGREES: ConcernSeverity.MEDIUM,
    ConcernCode.DROPPED: ConcernSeverity.MEDIUM,
    ConcernCode.SIDE_MISSING: ConcernSeverity.LOW,
    ConcernCode.NOT_UNDERSTOOD: ConcernSeverity.LOW,
    ConcernCode.PRIOR_MENTIONED: ConcernSeverity.MEDIUM,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A passage of a section: `text[start:end]` of its text, in characters."""

    section: SectionName
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Concern:
    """What a reader should look at before believing the draft; `other` is the passage that `place` is held against."""

    code: ConcernCode
    place: Place
    other: Place | None = None

    @property
    def severity(self) -> ConcernSeverity:
        """How much depends on it."""
        return _SEVERITY.get(self.code, ConcernSeverity.HIGH)


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """How one turn was asked and what it cost; times in seconds from the turn's start."""

    section: SectionName
    question: str
    usage: Usage
    first_token_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class ReportedImage:
    """An image that a report is made from; `digest` names the prepared image, `view_origin` who said its view."""

    digest: str
    source: Source
    gate: GateVerdict
    view: View | None = None
    view_origin: Origin | None = None
    role: ImageRole = ImageRole.CURRENT


@dataclass(frozen=True, slots=True)
class Report:
    """A draft. `is_draft` never changes here: signing is another record's matter.

    `sex_origin` and `age_origin` are who said it, null where nobody did; `trained_views` and `num_trained_images` are
    what the model was trained on, to be held against `images`. `model_digest` is the SHA-256 of the checkpoint's files,
    null where the engine does not read them.
    """

    id: str
    created_unix_s: float
    patient: Patient
    images: tuple[ReportedImage, ...]
    findings: Section
    impression: Section
    turns: tuple[TurnRecord, ...]
    preparation_s: float
    duration_s: float
    model: str
    prompt_version: str
    concerns: tuple[Concern, ...] = ()
    sex_origin: Origin | None = None
    age_origin: Origin | None = None
    trained_views: tuple[str, ...] = ()
    num_trained_images: int = 1
    model_digest: str | None = None
    disclaimer: str = DISCLAIMER
    is_draft: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """The images were read and let through; sent before the first token."""

    report_id: str
    images: tuple[ReportedImage, ...]


@dataclass(frozen=True, slots=True)
class SectionDelta:
    """New text of a section."""

    section: SectionName
    text: str


@dataclass(frozen=True, slots=True)
class SectionDone:
    """A section is finished; `concerns` are about it, or about what it says of the sections before it."""

    name: SectionName
    section: Section
    concerns: tuple[Concern, ...] = ()


ReportEvent = Prepared | SectionDelta | SectionDone | Report
