"""The examples of the OpenAPI document, made by the same functions as real answers."""

from collections.abc import Callable, Iterable
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from serve_app.api.bodies import named_event, report_body, v0_report_body
from serve_app.api.door.negotiation import JSON
from serve_app.api.door.problems import PROBLEM_JSON, failure_of
from serve_app.api.door.uploads import TOO_SLOW
from serve_app.client.schemas import Problem
from serve_app.domain.access import ApiKey
from serve_app.domain.audit import GENESIS, Action, AuditEvent, chained
from serve_app.domain.call import Scope
from serve_app.domain.conversation import Usage
from serve_app.domain.errors import (
    AuditUnavailable,
    ContradictoryStudy,
    CorruptImage,
    DeadlineExceeded,
    DraftingStopped,
    EmptyUpload,
    EngineGone,
    Forbidden,
    InvalidPatient,
    InvalidStudy,
    NeedsConfirmation,
    NotAChestXray,
    NotAnImage,
    NotFound,
    Overloaded,
    QuotaExceeded,
    Unauthenticated,
    Unavailable,
    UnsupportedImage,
    UnsupportedStudy,
    UnsupportedTransferSyntax,
    UploadTooLarge,
)
from serve_app.domain.radiograph import GateOutcome, GateVerdict, Source
from serve_app.domain.report import (
    Concern,
    ConcernCode,
    Place,
    Prepared,
    Report,
    ReportedImage,
    Section,
    SectionDelta,
    SectionDone,
    SectionName,
    SectionStatus,
    TurnRecord,
)
from serve_app.domain.service import Readiness, ServiceVersion
from serve_app.domain.stop import Stop, StopKind
from serve_app.domain.study import Age, Origin, Patient, Sex, View
from serve_app.settings import DEMO_SHA256

REQUEST_ID = "0f8d3c52b7f94a1e9c0d6a5b4e3f2a10"

_FINDINGS = Section(
    "- Bóng tim to.\n- Mờ góc sườn hoành trái.", ("Bóng tim to.", "Mờ góc sườn hoành trái."), SectionStatus.COMPLETE
)
_IMPRESSION = Section("- Tràn dịch màng phổi trái.", ("Tràn dịch màng phổi trái.",), SectionStatus.COMPLETE)

CONCERNS = (Concern(ConcernCode.DROPPED, Place(SectionName.FINDINGS, 2, 13)),)
REPORT = Report(
    id="rpt_5b3a1f0c9d8e47f6a2b1c0d9e8f7a6b5",
    created_unix_s=1_767_225_600.0,
    patient=Patient(Sex.MALE, Age(63)),
    images=(
        ReportedImage(
            digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            source=Source("PNG", 2500, 3050, 8),
            gate=GateVerdict(GateOutcome.PASS, 0.97, "looks-like-a-chest-x-ray"),
            view=View.PA,
            view_origin=Origin.FORM,
        ),
    ),
    findings=_FINDINGS,
    impression=_IMPRESSION,
    turns=(
        TurnRecord(
            SectionName.FINDINGS,
            "Ảnh chụp X-ray Chụp Xquang tim phổi thẳng bệnh nhân Nam, 63 tuổi. Cho biết bệnh nhân bị gì?",
            Usage(92, 14, 0),
            0.41,
            0.83,
        ),
        TurnRecord(
            SectionName.IMPRESSION, "Kết luận từ thông tin trên bệnh nhân bị gì?", Usage(124, 9, 96), 0.12, 0.35
        ),
    ),
    preparation_s=0.09,
    duration_s=1.29,
    model="clara-demo",
    prompt_version="clara-vi-1",
    concerns=CONCERNS,
    sex_origin=Origin.FORM,
    age_origin=Origin.FORM,
    trained_views=("frontal",),
    model_digest=DEMO_SHA256,
)
READY = Readiness(True, "serving")
NOT_READY = Readiness(False, "no-engine")
VERSION = ServiceVersion("0.1.0", "clara-demo", "vllm", "0.32.0", "clara-vi-1", "clara-prep-3", DEMO_SHA256)

EVENTS = (
    Prepared(REPORT.id, REPORT.images),
    SectionDelta(SectionName.FINDINGS, _FINDINGS.text),
    SectionDone(SectionName.FINDINGS, _FINDINGS),
    SectionDelta(SectionName.IMPRESSION, _IMPRESSION.text),
    SectionDone(SectionName.IMPRESSION, _IMPRESSION, CONCERNS),
    REPORT,
)


KEY = ApiKey("4f1d2c3b5a697887", "hospital", "reading room", frozenset({Scope.REPORTS_WRITE}), "", 1_767_225_600.0)
KEY_TEXT = "clara_4f1d2c3b5a697887_the-43-letters-of-the-secret-are-shown-once"
STOP = Stop(StopKind.TENANT, "hospital", "drift", 1_767_225_600.0)
AUDIT_ENTRY = chained(
    AuditEvent("hospital", "key:4f1d2c3b5a697887", Action.STOP_SET, STOP.id, REQUEST_ID, {"reason": STOP.reason}),
    sequence=1,
    previous=GENESIS,
    time_unix_ms=1_767_225_600_000,
)

# What any route that is not public may be answered with.
ACCESS_ERRORS: tuple[Exception, ...] = (
    Unauthenticated(),
    Forbidden("this needs the scope reports:write", Scope.REPORTS_WRITE),
)
# Everything a report request may be answered with instead of a report.
REPORT_ERRORS: tuple[Exception, ...] = (
    *ACCESS_ERRORS,
    HTTPException(400, "Missing boundary in multipart."),
    EmptyUpload(),
    HTTPException(408, TOO_SLOW),
    NeedsConfirmation("", "unsure", 0.55),
    UploadTooLarge("the upload must not exceed 50000000 bytes", 50_000_000),
    NotAnImage(),
    UnsupportedImage(),
    UnsupportedTransferSyntax("", "1.2.840.10008.1.2.4.51"),
    HTTPException(415, "Send the image and the fields as multipart/form-data."),
    RequestValidationError([{"type": "missing", "loc": ("body", "image"), "msg": "", "input": None}]),
    InvalidPatient("age must be years, months, weeks or days, such as 63, 6 tháng or 003D, from 0 to 120 years"),
    ContradictoryStudy("the form field sex contradicts PatientSex of the file", "sex", "PatientSex"),
    InvalidStudy("views must name the view of each of the images, in their order"),
    UnsupportedStudy(),
    CorruptImage(),
    NotAChestXray("", "too-colourful", 0.02),
    QuotaExceeded("the tenant's quota of requests is used up", "tenant-requests", 7),
    RuntimeError(),
    DraftingStopped("an operator stopped drafting (tenant): drift", "tenant", "drift"),
    AuditUnavailable(),
    EngineGone(),
    Overloaded(),
    DeadlineExceeded(),
)
SERVICE_ERRORS: tuple[Exception, ...] = (RuntimeError(), Unavailable())
ADMINISTRATION_ERRORS: tuple[Exception, ...] = (
    *ACCESS_ERRORS,
    NotFound("there is no such key"),
    RequestValidationError([{"type": "missing", "loc": ("body", "name"), "msg": "", "input": None}]),
    *SERVICE_ERRORS,
    AuditUnavailable(),
)


def body_json(body: BaseModel) -> Any:
    """Give a pydantic model as plain JSON data."""
    return body.model_dump(mode="json")


def report_example() -> Any:
    """Show the answer of POST /v1/reports."""
    return body_json(report_body(REPORT))


def v0_report_example() -> Any:
    """Show the answer of POST /predict."""
    return body_json(v0_report_body(REPORT, "Nam", "63"))


def stream_example() -> str:
    """Show the same report as server-sent events."""
    named = (named_event(event) for event in EVENTS)
    return "".join(f"event: {name}\r\ndata: {body.model_dump_json()}\r\n\r\n" for name, body in named)


def answer(body: Any, description: str) -> dict[str, Any]:
    """Document a JSON answer by an example."""
    return {"description": description, "content": {JSON: {"example": body}}}


def problem_answers(errors: Iterable[Exception]) -> dict[int | str, dict[str, Any]]:
    """Document errors as problem documents, grouped by status, one named example each."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return _by_status(errors, PROBLEM_JSON, schema, body_json)


def v0_answers(errors: Iterable[Exception]) -> dict[int | str, dict[str, Any]]:
    """Document errors in the first version's shape."""
    schema = {"$ref": "#/components/schemas/V0ErrorBody"}
    return _by_status(errors, JSON, schema, lambda problem: {"error": problem.detail})


def _by_status(
    errors: Iterable[Exception], media_type: str, schema: Any, write: Callable[[Problem], Any]
) -> dict[int | str, dict[str, Any]]:
    documented: dict[int | str, dict[str, Any]] = {}
    for problem in (failure_of(error, REQUEST_ID).problem for error in errors):
        empty = {"description": "", "content": {media_type: {"schema": schema, "examples": {}}}}
        answer = documented.setdefault(problem.status, empty)
        answer["description"] = f"{answer['description']} {problem.title}".strip()
        answer["content"][media_type]["examples"][problem.code] = {"summary": problem.title, "value": write(problem)}
    return documented
