"""Writes domain objects as the wire models of `serve_app.client.schemas`, and names the events of a stream."""

from datetime import UTC, datetime

from serve_app.client import schemas
from serve_app.client.schemas import (
    Body,
    DeltaBody,
    GateBody,
    ImageBody,
    PatientBody,
    PreparedBody,
    ReadinessBody,
    ReportBody,
    SectionBody,
    SeedPatientBody,
    SeedReportBody,
    SeedTurnBody,
    TimingsBody,
    TurnBody,
    VersionBody,
)
from serve_app.domain.radiograph import GateVerdict, Source
from serve_app.domain.report import (
    Prepared,
    Report,
    ReportEvent,
    Section,
    SectionDelta,
    SectionDone,
    SectionName,
    TurnRecord,
)
from serve_app.domain.service import Readiness, ServiceVersion
from serve_app.domain.study import Patient


def report_body(report: Report) -> ReportBody:
    """Write a report."""
    return ReportBody(
        id=report.id,
        created=datetime.fromtimestamp(report.created_unix_s, UTC),
        status="draft",
        patient=patient_body(report.patient),
        findings=section_body(report.findings),
        impression=section_body(report.impression),
        gate=gate_body(report.gate),
        turns=[turn_body(turn) for turn in report.turns],
        timings=TimingsBody(preparation_s=report.preparation_s, duration_s=report.duration_s),
        model=report.model,
        prompt_version=report.prompt_version,
        image=image_body(report.digest, report.source),
        disclaimer=report.disclaimer,
    )


def patient_body(patient: Patient) -> PatientBody:
    """Write a patient."""
    return PatientBody(
        sex=schemas.Sex(patient.sex.value) if patient.sex else None,
        age_years=patient.age_years,
        view=schemas.View(patient.view.value) if patient.view else None,
    )


def section_body(section: Section) -> SectionBody:
    """Write a section."""
    status = schemas.SectionStatus(section.status.value)
    return SectionBody(text=section.text, items=list(section.items), status=status)


def gate_body(gate: GateVerdict) -> GateBody:
    """Write a verdict."""
    return GateBody(outcome=gate.outcome.value, score=gate.score, reason=gate.reason, overridden=gate.is_overridden)


def image_body(digest: str, source: Source) -> ImageBody:
    """Write an image."""
    return ImageBody(
        digest=digest,
        format=source.format,
        width_px=source.width_px,
        height_px=source.height_px,
        bits_stored=source.bits_stored,
    )


def turn_body(turn: TurnRecord) -> TurnBody:
    """Write a turn."""
    return TurnBody(
        section=schemas.SectionName(turn.section.value),
        question=turn.question,
        prompt_tokens=turn.usage.prompt_tokens,
        completion_tokens=turn.usage.completion_tokens,
        cached_tokens=turn.usage.cached_tokens,
        first_token_s=turn.first_token_s,
        duration_s=turn.duration_s,
    )


def prepared_body(prepared: Prepared) -> PreparedBody:
    """Write the first event."""
    image = image_body(prepared.digest, prepared.source)
    return PreparedBody(id=prepared.report_id, image=image, gate=gate_body(prepared.gate))


def named_event(event: ReportEvent) -> tuple[str, Body]:
    """Name an event and write its data, as they go into the stream."""
    match event:
        case Prepared():
            return "prepared", prepared_body(event)
        case SectionDelta():
            return f"{event.section}.delta", DeltaBody(text=event.text)
        case SectionDone():
            return event.name.value, section_body(event.section)
        case Report():
            return "report", report_body(event)


def readiness_body(readiness: Readiness) -> ReadinessBody:
    """Write a readiness."""
    return ReadinessBody(status="ready" if readiness.is_ready else "not-ready", reason=readiness.reason)


def version_body(version: ServiceVersion) -> VersionBody:
    """Write a version."""
    return VersionBody(
        version=version.version,
        model=version.model,
        engine=version.engine,
        engine_version=version.engine_version,
        prompt_version=version.prompt_version,
        preparation_version=version.preparation_version,
    )


def seed_report_body(report: Report, sex: str | None, age: str | None) -> SeedReportBody:
    """Write a report in the seed's shape; sex and age are echoed as they were sent."""
    answers = {SectionName.FINDINGS: report.findings.text, SectionName.IMPRESSION: report.impression.text}
    turn1, turn2 = (
        SeedTurnBody(question=turn.question, answer=answers[turn.section], latency=turn.duration_s)
        for turn in report.turns
    )
    patient = SeedPatientBody(sex=sex, age=age)
    return SeedReportBody(patient_info=patient, turn1=turn1, turn2=turn2, total_latency=report.duration_s)
