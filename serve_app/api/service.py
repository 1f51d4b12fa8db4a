"""What operators ask: does the process live, can it work, what is it made of."""

import asyncio

from fastapi import APIRouter, Response

from serve_app.api.bodies import readiness_body, version_body
from serve_app.api.door.access import PUBLIC
from serve_app.api.door.negotiation import JSON
from serve_app.api.door.problems import clara_error
from serve_app.api.examples import NOT_READY, READY, SERVICE_ERRORS, VERSION, answer, body_json, problem_answers
from serve_app.client.schemas import LivenessBody, ReadinessBody, VersionBody
from serve_app.domain.errors import Unavailable
from serve_app.domain.service import Readiness
from serve_app.ports import Oversight, Service


def service_router(service: Service, readiness_timeout_s: float, oversight: Oversight | None) -> APIRouter:
    """Make the routes for operators."""
    router = APIRouter(tags=["service"])

    @router.get(
        "/healthz",
        responses={200: answer(body_json(LivenessBody()), "The process answers."), **problem_answers([RuntimeError()])},
        summary="Say that the process lives",
        openapi_extra=PUBLIC,
    )
    async def healthz() -> LivenessBody:
        """Answer without asking anyone: a failure means that this process should be restarted."""
        return LivenessBody()

    @router.get(
        "/readyz",
        response_model=ReadinessBody,
        responses={
            200: answer(body_json(readiness_body(READY)), "Reports can be made."),
            **problem_answers([RuntimeError()]),
            503: {
                **answer(body_json(readiness_body(NOT_READY)), "Reports cannot be made now."),
                "model": ReadinessBody,
            },
        },
        summary="Say whether reports can be made",
        openapi_extra=PUBLIC,
    )
    async def readyz() -> Response:
        """Ask the engines: a failure means that no report should be sent here now."""
        answered = await _asked(service, readiness_timeout_s, oversight)
        body = readiness_body(answered)
        return Response(body.model_dump_json(), 200 if answered.is_ready else 503, media_type=JSON)

    @router.get(
        "/version",
        responses={
            200: answer(body_json(version_body(VERSION)), "What reports are made with."),
            **problem_answers(SERVICE_ERRORS),
        },
        summary="Say what reports are made with",
        openapi_extra=PUBLIC,
    )
    async def version() -> VersionBody:
        """Name our release, the model, its engine, the prompts and the image preparation."""
        try:
            return version_body(await asyncio.wait_for(service.describe(), readiness_timeout_s))
        except TimeoutError:
            raise Unavailable("no engine described its model in time") from None

    return router


async def _asked(service: Service, timeout_s: float, oversight: Oversight | None) -> Readiness:
    try:
        answered = await asyncio.wait_for(service.readiness(), timeout_s)
        return answered if oversight is None else await oversight.switch.readiness(answered)
    except TimeoutError:
        return Readiness(False, "engine-busy")
    except Unavailable as exc:
        error = clara_error(exc) or Unavailable()
        return Readiness(False, error.code, error.message)
