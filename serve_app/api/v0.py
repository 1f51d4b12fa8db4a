"""The two routes of CLARA's first version, in their exact shapes, for clients that still use them.

The shape of a report has no room for what makes it a draft: a header says that, and a report that is not whole is none.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response

from serve_app.api.bodies import v0_report_body
from serve_app.api.door.access import PUBLIC, caller, needs
from serve_app.api.door.forms import upload_route
from serve_app.api.door.negotiation import JSON
from serve_app.api.examples import REPORT_ERRORS, answer, body_json, v0_answers, v0_report_example
from serve_app.api.reports.form import Image, study_of
from serve_app.api.reports.once import IdempotencyKey, once
from serve_app.api.reports.routes import finished_report, new_report_id
from serve_app.api.reports.run import ReportRun
from serve_app.client.schemas import V0HealthBody, V0ReportBody
from serve_app.domain.call import Call, Scope
from serve_app.domain.errors import IncompleteReport
from serve_app.domain.report import Report, SectionName, SectionStatus
from serve_app.domain.study import parse_patient
from serve_app.ports import AnswerStore, Reporter
from serve_app.settings import GatewaySettings

SexField = Annotated[str | None, Form(description="Nam or Nữ.", examples=["Nam"])]
AgeField = Annotated[
    str | None,
    Form(
        description="63, 6 tháng, 3 ngày tuổi, 063Y or 006M; without a unit: years. Up to 120 years.", examples=["63"]
    ),
]

DRAFT_HEADER = "X-Clara-Report"


def v0_router(reporter: Reporter, answers: AnswerStore | None, settings: GatewaySettings) -> APIRouter:
    """Make the deprecated routes."""
    route = upload_route(ignores_others=True)
    router = APIRouter(tags=["first version"], route_class=route, deprecated=True)

    @router.post(
        "/predict",
        response_model=V0ReportBody,
        responses={
            200: {
                **answer(v0_report_example(), "Both answers of the model, each whole: a draft."),
                "headers": {DRAFT_HEADER: {"description": "What the report is.", "schema": {"const": "draft"}}},
            },
            **v0_answers((*REPORT_ERRORS, IncompleteReport("the report is incomplete: impression is truncated"))),
        },
        summary="Draft a report, in the first version's shape",
        openapi_extra=needs(Scope.REPORTS_WRITE),
    )
    async def predict(
        request: Request,
        call: Annotated[Call, Depends(caller(settings.deadline_s))],
        image: Image,
        sex: SexField = None,
        age: AgeField = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Do the same as `POST /v1/reports`, which replaces it.

        The image cannot be confirmed here, and a section that is cut off, empty or repeats itself is an error: this
        shape cannot say so beside the text.
        """
        maker = once(reporter, answers, idempotency_key)
        study = await study_of(parse_patient(sex, age), [image], [None], settings.max_upload_bytes)
        run = ReportRun(maker.report(call, study, new_report_id(request)))
        report = await finished_report(run, request)
        _require_whole(report)
        request.state.outcome = "ok"
        body = v0_report_body(report, sex, age)
        return Response(body.model_dump_json(), headers={DRAFT_HEADER: "draft"}, media_type=JSON)

    @router.get(
        "/health",
        responses={200: answer(body_json(V0HealthBody()), "The process answers."), **v0_answers([RuntimeError()])},
        summary="Say that the process answers",
        openapi_extra=PUBLIC,
    )
    async def health() -> V0HealthBody:
        """Do the same as `GET /healthz`, which replaces it."""
        return V0HealthBody()

    return router


def _require_whole(report: Report) -> None:
    sections = ((SectionName.FINDINGS, report.findings), (SectionName.IMPRESSION, report.impression))
    faults = [f"{name} is {part.status}" for name, part in sections if part.status is not SectionStatus.COMPLETE]
    if faults:
        raise IncompleteReport(f"the report is incomplete: {', '.join(faults)}")
