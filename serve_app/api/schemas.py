"""What clients read: pydantic models, each built from a domain object by one function."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from serve_app.domain.radiograph import GateVerdict, Source
from serve_app.domain.report import (
    Prepared,
    Report,
    ReportEvent,
    Section,
    SectionDelta,
    SectionDone,
    SectionName,
    SectionStatus,
    TurnRecord,
)
from serve_app.domain.service import Readiness, ServiceVersion
from serve_app.domain.study import Patient, Sex, View


class Body(BaseModel):
    """What every answer has in common."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class PatientBody(Body):
    """The patient as understood; null where nothing was said."""

    sex: Sex | None
    age_years: int | None
    view: View | None

    @classmethod
    def of(cls, patient: Patient) -> "PatientBody":
        """Write a patient."""
        return cls(sex=patient.sex, age_years=patient.age_years, view=patient.view)


class SectionBody(Body):
    """One part of the report."""

    text: str
    """The model's answer, unchanged."""
    items: list[str]
    """The same, one statement each."""
    status: SectionStatus
    """`complete`, or why it must not be read as the model's whole answer."""

    @classmethod
    def of(cls, section: Section) -> "SectionBody":
        """Write a section."""
        return cls(text=section.text, items=list(section.items), status=section.status)


class GateBody(Body):
    """What the gate said about the image being a chest X-ray."""

    outcome: Literal["pass", "confirm", "refuse"]
    score: float
    """0, surely not a chest X-ray, to 1, surely one."""
    reason: str
    """A stable code."""
    overridden: bool
    """Whether the client vouched for the image against the gate."""

    @classmethod
    def of(cls, gate: GateVerdict) -> "GateBody":
        """Write a verdict."""
        return cls(outcome=gate.outcome.value, score=gate.score, reason=gate.reason, overridden=gate.is_overridden)


class ImageBody(Body):
    """The image as it was sent, and the name of what the model saw of it."""

    digest: str
    """Hex SHA-256 over the prepared image."""
    format: str
    width_px: int
    height_px: int
    bits_stored: int

    @classmethod
    def of(cls, digest: str, source: Source) -> "ImageBody":
        """Write an image."""
        return cls(
            digest=digest,
            format=source.format,
            width_px=source.width_px,
            height_px=source.height_px,
            bits_stored=source.bits_stored,
        )


class TurnBody(Body):
    """How one turn was asked and what it cost."""

    section: SectionName
    question: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    """Tokens of the prompt that were not computed again."""
    first_token_s: float
    duration_s: float

    @classmethod
    def of(cls, turn: TurnRecord) -> "TurnBody":
        """Write a turn."""
        return cls(
            section=turn.section,
            question=turn.question,
            prompt_tokens=turn.usage.prompt_tokens,
            completion_tokens=turn.usage.completion_tokens,
            cached_tokens=turn.usage.cached_tokens,
            first_token_s=turn.first_token_s,
            duration_s=turn.duration_s,
        )


class TimingsBody(Body):
    """Where the time went; those of the turns are with the turns."""

    preparation_s: float
    """Reading, gating and resizing the image."""
    duration_s: float
    """The whole report."""


class ReportBody(Body):
    """A draft report; a doctor must read, correct and sign it."""

    id: str
    created: datetime
    status: Literal["draft"]
    patient: PatientBody
    findings: SectionBody
    impression: SectionBody
    gate: GateBody
    turns: list[TurnBody]
    timings: TimingsBody
    model: str
    prompt_version: str
    image: ImageBody
    disclaimer: str

    @classmethod
    def of(cls, report: Report) -> "ReportBody":
        """Write a report."""
        return cls(
            id=report.id,
            created=datetime.fromtimestamp(report.created_unix_s, UTC),
            status="draft",
            patient=PatientBody.of(report.patient),
            findings=SectionBody.of(report.findings),
            impression=SectionBody.of(report.impression),
            gate=GateBody.of(report.gate),
            turns=[TurnBody.of(turn) for turn in report.turns],
            timings=TimingsBody(preparation_s=report.preparation_s, duration_s=report.duration_s),
            model=report.model,
            prompt_version=report.prompt_version,
            image=ImageBody.of(report.digest, report.source),
            disclaimer=report.disclaimer,
        )


class PreparedBody(Body):
    """The first event: the image was read and let through."""

    id: str
    image: ImageBody
    gate: GateBody

    @classmethod
    def of(cls, prepared: Prepared) -> "PreparedBody":
        """Write the event."""
        return cls(
            id=prepared.report_id,
            image=ImageBody.of(prepared.digest, prepared.source),
            gate=GateBody.of(prepared.gate),
        )


class DeltaBody(Body):
    """New text of a section, to be appended."""

    text: str


def named_event(event: ReportEvent) -> tuple[str, Body]:
    """Name an event and write its data, as they go into the stream."""
    match event:
        case Prepared():
            return "prepared", PreparedBody.of(event)
        case SectionDelta():
            return f"{event.section}.delta", DeltaBody(text=event.text)
        case SectionDone():
            return event.name.value, SectionBody.of(event.section)
        case Report():
            return "report", ReportBody.of(event)


class SeedPatientBody(Body):
    """The patient in the client's own words."""

    sex: str | None
    age: str | None


class SeedTurnBody(Body):
    """One turn as the seed told it."""

    question: str
    answer: str
    latency: float
    """Seconds."""


class SeedReportBody(Body):
    """The answer of the seed's `POST /predict`."""

    patient_info: SeedPatientBody
    turn1: SeedTurnBody
    turn2: SeedTurnBody
    total_latency: float
    """Seconds."""

    @classmethod
    def of(cls, report: Report, sex: str | None, age: str | None) -> "SeedReportBody":
        """Write a report in the seed's shape; sex and age are echoed as they were sent."""
        answers = {SectionName.FINDINGS: report.findings.text, SectionName.IMPRESSION: report.impression.text}
        turn1, turn2 = (
            SeedTurnBody(question=turn.question, answer=answers[turn.section], latency=turn.duration_s)
            for turn in report.turns
        )
        return cls(
            patient_info=SeedPatientBody(sex=sex, age=age), turn1=turn1, turn2=turn2, total_latency=report.duration_s
        )


class SeedHealthBody(Body):
    """The answer of the seed's `GET /health`."""

    status: Literal["ok"] = "ok"
    message: str = "Medical VLM API is running"


class SeedErrorBody(Body):
    """An error as the seed told it."""

    error: str


class LivenessBody(Body):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadinessBody(Body):
    """Whether reports can be made now, and why not."""

    status: Literal["ready", "not-ready"]
    reason: str

    @classmethod
    def of(cls, readiness: Readiness) -> "ReadinessBody":
        """Write a readiness."""
        return cls(status="ready" if readiness.is_ready else "not-ready", reason=readiness.reason)


class VersionBody(Body):
    """What reports are made with."""

    version: str
    model: str
    engine: str
    engine_version: str
    prompt_version: str
    preparation_version: str

    @classmethod
    def of(cls, version: ServiceVersion) -> "VersionBody":
        """Write a version."""
        return cls(
            version=version.version,
            model=version.model,
            engine=version.engine,
            engine_version=version.engine_version,
            prompt_version=version.prompt_version,
            preparation_version=version.preparation_version,
        )
