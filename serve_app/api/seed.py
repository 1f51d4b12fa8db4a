"""The two routes of CLARA's first version, in their exact shapes, for clients that still use them."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from serve_app.api.accept import JSON
from serve_app.api.auth import Caller
from serve_app.api.examples import REPORT_ERRORS, answer, body_json, seed_answers, seed_report_example
from serve_app.api.reports import Image, finished_report, new_report_id
from serve_app.api.run import ReportRun
from serve_app.api.schemas import SeedHealthBody, SeedReportBody
from serve_app.api.uploads import UploadRoute, read_image
from serve_app.domain.report import ReportRequest
from serve_app.domain.study import parse_patient
from serve_app.ports import Reporter
from serve_app.settings import GatewaySettings

SeedSexField = Annotated[str | None, Form(description="Nam or Nữ.", examples=["Nam"])]
SeedAgeField = Annotated[str | None, Form(description="Whole years, 0 to 120.", examples=["63"])]


def seed_router(reporter: Reporter, settings: GatewaySettings) -> APIRouter:
    """Make the deprecated routes."""
    router = APIRouter(tags=["first version"], route_class=UploadRoute, deprecated=True)

    @router.post(
        "/predict",
        response_model=SeedReportBody,
        responses={
            200: answer(seed_report_example(), "Both answers of the model."),
            **seed_answers(REPORT_ERRORS),
        },
        summary="Draft a report, in the first version's shape",
    )
    async def predict(
        request: Request, caller: Caller, image: Image, sex: SeedSexField = None, age: SeedAgeField = None
    ) -> Response:
        """Do the same as `POST /v1/reports`, which replaces it; the gate cannot be overridden here."""
        patient = parse_patient(sex, age, None)
        data = await read_image(image, settings.max_upload_bytes)
        run = ReportRun(reporter.report(ReportRequest(new_report_id(), data, patient), caller))
        report = await finished_report(run, request)
        request.state.outcome = "ok"
        return Response(SeedReportBody.of(report, sex, age).model_dump_json(), media_type=JSON)

    @router.get(
        "/health",
        responses={200: answer(body_json(SeedHealthBody()), "The process answers."), **seed_answers([RuntimeError()])},
        summary="Say that the process answers",
    )
    async def health() -> SeedHealthBody:
        """Do the same as `GET /healthz`, which replaces it."""
        return SeedHealthBody()

    return router
