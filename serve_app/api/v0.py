"""The two routes of CLARA's first version, in their exact shapes, for clients that still use them.

The shape of a report has no room for what makes it a draft: a header says that, and a report that is not whole is none.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from serve_app.api.bodies import seed_report_body
from serve_app.api.door.auth import Caller
from serve_app.api.door.forms import read_image, upload_route
from serve_app.api.door.negotiation import JSON
from serve_app.api.examples import REPORT_ERRORS, answer, body_json, seed_answers, seed_report_example
from serve_app.api.reports.routes import Image, finished_report, new_report_id
from serve_app.api.reports.run import ReportRun
from serve_app.client.schemas import SeedHealthBody, SeedReportBody
from serve_app.domain.errors import IncompleteReport
from serve_app.domain.report import Report, ReportRequest, SectionName, SectionStatus
from serve_app.domain.study import parse_patient
from serve_app.ports import Reporter
from serve_app.settings import GatewaySettings

SeedSexField = Annotated[str | None, Form(description="Nam or Nữ.", examples=["Nam"])]
SeedAgeField = Annotated[str | None, Form(description="Whole years, 0 to 120.", examples=["63"])]

DRAFT_HEADER = "X-Clara-Report"


def seed_router(reporter: Reporter, settings: GatewaySettings) -> APIRouter:
    """Make the deprecated routes."""
    route = upload_route(settings.upload_timeout_s, ignores_others=True)
    router = APIRouter(tags=["first version"], route_class=route, deprecated=True)

    @router.post(
        "/predict",
        response_model=SeedReportBody,
        responses={
            200: {
                **answer(seed_report_example(), "Both answers of the model, each whole: a draft."),
                "headers": {DRAFT_HEADER: {"description": "What the report is.", "schema": {"const": "draft"}}},
            },
            **seed_answers((*REPORT_ERRORS, IncompleteReport("no whole report was made: impression is truncated"))),
        },
        summary="Draft a report, in the first version's shape",
    )
    async def predict(
        request: Request, caller: Caller, image: Image, sex: SeedSexField = None, age: SeedAgeField = None
    ) -> Response:
        """Do the same as `POST /v1/reports`, which replaces it.

        The gate cannot be overridden here, and a section that is cut off, empty or repeats itself is an error: this
        shape cannot say so beside the text.
        """
        patient = parse_patient(sex, age, None)
        data = await read_image(image, settings.max_upload_bytes)
        run = ReportRun(reporter.report(ReportRequest(new_report_id(), data, patient), caller))
        report = await finished_report(run, request)
        _require_whole(report)
        request.state.outcome = "ok"
        body = seed_report_body(report, sex, age)
        return Response(body.model_dump_json(), headers={DRAFT_HEADER: "draft"}, media_type=JSON)

    @router.get(
        "/health",
        responses={200: answer(body_json(SeedHealthBody()), "The process answers."), **seed_answers([RuntimeError()])},
        summary="Say that the process answers",
    )
    async def health() -> SeedHealthBody:
        """Do the same as `GET /healthz`, which replaces it."""
        return SeedHealthBody()

    return router


def _require_whole(report: Report) -> None:
    sections = ((SectionName.FINDINGS, report.findings), (SectionName.IMPRESSION, report.impression))
    faults = [f"{name} is {part.status}" for name, part in sections if part.status is not SectionStatus.COMPLETE]
    if faults:
        raise IncompleteReport(f"no whole report was made: {', '.join(faults)}")
