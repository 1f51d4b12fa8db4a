"""The route that makes a report: one JSON answer, or the same as server-sent events while it is made."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from serve_app.api.bodies import named_event, report_body
from serve_app.api.door.access import caller, needs
from serve_app.api.door.forms import upload_route
from serve_app.api.door.negotiation import EVENT_STREAM, JSON, prefers_event_stream
from serve_app.api.door.problems import settle
from serve_app.api.examples import REPORT_ERRORS, problem_answers, report_example, stream_example
from serve_app.api.reports.form import ReportForm
from serve_app.api.reports.once import IdempotencyKey, once
from serve_app.api.reports.run import ReportRun, unless_client_leaves
from serve_app.client.schemas import ReportBody
from serve_app.domain.call import Call, Scope
from serve_app.domain.report import Report, ReportEvent
from serve_app.ports import AnswerStore, Reporter
from serve_app.settings import GatewaySettings

_REPORT_ANSWER = {
    "description": "The draft report; as an event stream it ends with the event `report`, or with `error`, a problem.",
    "content": {
        JSON: {"example": report_example()},
        EVENT_STREAM: {"schema": {"type": "string"}, "example": stream_example()},
    },
}


def reports_router(reporter: Reporter, answers: AnswerStore | None, settings: GatewaySettings) -> APIRouter:
    """Make the routes under /v1/reports."""
    router = APIRouter(tags=["reports"], route_class=upload_route())

    @router.post(
        "/v1/reports",
        response_model=ReportBody,
        responses={200: _REPORT_ANSWER, **problem_answers(REPORT_ERRORS)},
        summary="Draft a report from chest X-rays",
        openapi_extra=needs(Scope.REPORTS_WRITE),
    )
    async def create_report(
        request: Request,
        call: Annotated[Call, Depends(caller(settings.deadline_s))],
        form: Annotated[ReportForm, Depends()],
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Ask the model for the findings, then for the impression drawn from them.

        With `Accept: text/event-stream` the events are `prepared`, `findings.delta`, `findings`,
        `impression.delta`, `impression` and `report`; or, last, `error`.
        """
        maker = once(reporter, answers, idempotency_key)
        study = await form.study(settings.max_upload_bytes)
        run = ReportRun(maker.report(call, study, new_report_id(request)))
        if prefers_event_stream(",".join(request.headers.getlist("accept")) or None):
            return await _stream(run, request, settings)
        report = await finished_report(run, request)
        request.state.outcome = "ok"
        return Response(report_body(report).model_dump_json(), media_type=JSON)

    return router


def new_report_id(request: Request) -> str:
    """Make a fresh report id, and note it for the log."""
    request.state.report_id = f"rpt_{uuid.uuid4().hex}"
    return str(request.state.report_id)


async def finished_report(run: ReportRun, request: Request) -> Report:
    """Wait for the whole report while the client does.

    Raises:
        ClientDisconnect: the client left.
        ClaraError: whatever the reporter raised.
    """
    try:
        return await unless_client_leaves(request, run.report())
    finally:
        await run.close()


async def _stream(run: ReportRun, request: Request, settings: GatewaySettings) -> Response:
    """Begin the stream with the first event, so that what fails before it has a status of its own."""
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(run.close)
        first = await unless_client_leaves(request, run.first())
        stack.pop_all()
    return _ReportStream(run, _messages(first, run, request), settings)


async def _messages(first: ReportEvent, run: ReportRun, request: Request) -> AsyncIterator[ServerSentEvent]:
    yield _message(first)
    async for event in run:
        yield _message(event)
        if isinstance(event, Report):
            # It was sent: a client may leave with it before the reporter has ended.
            request.state.outcome = "ok"
    if run.failure is None:
        request.state.outcome = "ok"
        return
    yield ServerSentEvent(
        settle(request.scope, run.failure).problem_for(request.scope).model_dump_json(), event="error"
    )


def _message(event: ReportEvent) -> ServerSentEvent:
    name, body = named_event(event)
    return ServerSentEvent(body.model_dump_json(), event=name)


class _ReportStream(EventSourceResponse):
    """Server-sent events that stop the reporter however the stream ends."""

    def __init__(self, run: ReportRun, messages: AsyncIterator[ServerSentEvent], settings: GatewaySettings) -> None:
        super().__init__(messages, ping=settings.ping_period_s)
        self._run = run

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Serve the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._run.close()
