"""Writes domain objects as the wire models of `serve_app.client.schemas`, and names the events of a stream."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal

from serve_app.client.schemas import (
    Body,
    ConcernBody,
    DeltaBody,
    GateBody,
    ImageBody,
    OriginsBody,
    PatientBody,
    PreparedBody,
    ReadinessBody,
    ReportBody,
    ReportedImageBody,
    SectionBody,
    SectionDoneBody,
    TimingsBody,
    TrainedOnBody,
    TurnBody,
    V0PatientBody,
    V0ReportBody,
    V0TurnBody,
    VersionBody,
)
from serve_app.domain.radiograph import GateVerdict
from serve_app.domain.report import (
    Concern,
    Prepared,
    Report,
    ReportedImage,
    ReportEvent,
    Section,
    SectionDelta,
    SectionDone,
    SectionName,
    TurnRecord,
)
from serve_app.domain.service import Readiness, ServiceVersion


def report_body(report: Report) -> ReportBody:
    """Write a report."""
    first = report.images[0]
    return ReportBody(
        id=report.id,
        created=datetime.fromtimestamp(report.created_unix_s, UTC),
        status="draft",
        patient=patient_body(report),
        findings=section_body(report.findings),
        impression=section_body(report.impression),
        gate=gate_body(first.gate),
        turns=[turn_body(turn) for turn in report.turns],
        timings=TimingsBody(preparation_s=report.preparation_s, duration_s=report.duration_s),
        model=report.model,
        model_digest=report.model_digest,
        prompt_version=report.prompt_version,
        image=image_body(first),
        images=[reported_image_body(image) for image in report.images],
        trained_on=TrainedOnBody(views=list(report.trained_views), num_images=report.num_trained_images),
        concerns=[concern_body(concern) for concern in report.concerns],
        disclaimer=report.disclaimer,
    )


def patient_body(report: Report) -> PatientBody:
    """Write the patient, with the view of the first image."""
    first, patient = report.images[0], report.patient
    origins = OriginsBody(sex=report.sex_origin, age=report.age_origin, view=first.view_origin)
    return PatientBody(sex=patient.sex, age_years=patient.age_years, view=first.view, origins=origins)


def section_body(section: Section) -> SectionBody:
    """Write a section."""
    return SectionBody.model_validate(asdict(section))


def concern_body(concern: Concern) -> ConcernBody:
    """Write a concern."""
    return ConcernBody.model_validate({**asdict(concern), "severity": concern.severity})


def gate_body(gate: GateVerdict) -> GateBody:
    """Write a verdict."""
    return GateBody(
        outcome=gate.outcome.value,
        score=gate.score,
        reason=gate.reason,
        overridden=gate.is_confirmed,
        corrections=[correction.value for correction in gate.corrections],
        remedy=gate.remedy.value if gate.remedy else None,
    )


def image_body(image: ReportedImage) -> ImageBody:
    """Write an image as it was sent."""
    return ImageBody(digest=image.digest, **asdict(image.source))


def reported_image_body(image: ReportedImage) -> ReportedImageBody:
    """Write an image with its view, its role and what the gate decided."""
    return ReportedImageBody(
        **image_body(image).model_dump(),
        view=image.view,
        view_origin=image.view_origin,
        role=image.role.value,
        gate=gate_body(image.gate),
    )


def turn_body(turn: TurnRecord) -> TurnBody:
    """Write a turn, with its token counts."""
    return TurnBody.model_validate(asdict(turn) | asdict(turn.usage))


def prepared_body(prepared: Prepared) -> PreparedBody:
    """Write the first event."""
    first = prepared.images[0]
    return PreparedBody(
        id=prepared.report_id,
        image=image_body(first),
        gate=gate_body(first.gate),
        images=[reported_image_body(image) for image in prepared.images],
    )


def section_done_body(done: SectionDone) -> SectionDoneBody:
    """Write a finished section with its concerns."""
    return SectionDoneBody(
        **section_body(done.section).model_dump(), concerns=[concern_body(concern) for concern in done.concerns]
    )


def named_event(event: ReportEvent) -> tuple[str, Body]:
    """Name an event and write its data, as they go into the stream."""
    match event:
        case Prepared():
            return "prepared", prepared_body(event)
        case SectionDelta():
            return f"{event.section}.delta", DeltaBody(text=event.text)
        case SectionDone():
            return event.name.value, section_done_body(event)
        case Report():
            return "report", report_body(event)


def readiness_body(readiness: Readiness) -> ReadinessBody:
    """Write a readiness."""
    status: Literal["ready", "not-ready"] = "ready" if readiness.is_ready else "not-ready"
    return ReadinessBody(status=status, reason=readiness.reason, detail=readiness.sentence)


def version_body(version: ServiceVersion) -> VersionBody:
    """Write a version."""
    return VersionBody(**asdict(version))


def v0_report_body(report: Report, sex: str | None, age: str | None) -> V0ReportBody:
    """Write a report in the first version's shape; sex and age are echoed as they were sent."""
    answers = {SectionName.FINDINGS: report.findings.text, SectionName.IMPRESSION: report.impression.text}
    turn1, turn2 = (
        V0TurnBody(question=turn.question, answer=answers[turn.section], latency=turn.duration_s)
        for turn in report.turns
    )
    patient = V0PatientBody(sex=sex, age=age)
    return V0ReportBody(patient_info=patient, turn1=turn1, turn2=turn2, total_latency=report.duration_s)
