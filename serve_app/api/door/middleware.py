"""The ASGI middleware around every request: id and headers, outcome, method, and the last resort for errors.

Does not depend on routes; it is given their paths.
"""

import asyncio
import re
import time
import uuid
from collections.abc import Collection
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.api.door.negotiation import JSON
from serve_app.api.door.problems import PROBLEM_JSON, answer, request_id_of, settle
from serve_app.domain.errors import Unavailable
from serve_app.ports import MetricSink
from serve_app.telemetry.logs import Event, Log
from serve_app.telemetry.metrics import REPORTS

log = Log(__name__)

_STATUSES = frozenset(map(int, HTTPStatus))
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestContext:
    """Gives a request its id, and every answer that id and the headers that keep it out of caches and sniffers.

    Serve's proxy uses it too: the gateway then finds an accepted id in the request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _accepted_id(Headers(scope=scope).get("x-request-id"))
        scope = {**scope, "state": {**scope.get("state", {}), "request_id": request_id}}
        MutableHeaders(scope=scope)["X-Request-Id"] = request_id

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class PlainErrors:
    """Replaces errors that are not the gateway's own, whose text may be Ray's, by problem documents of the same status.

    The gateway writes its errors as JSON; Serve writes plain text, with or without a media type, in its proxy and
    within the gateway's own application. The proxy's own paths (`/-/`) pass.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith("/-/"):
            await self._app(scope, receive, send)
            return
        is_replaced = False

        async def send_as_problem(message: Message) -> None:
            nonlocal is_replaced
            if message["type"] == "http.response.start" and _is_foreign_error(message):
                is_replaced = True
                await _problem_of(message["status"], scope)(scope, receive, send)
            elif not is_replaced:
                await send(message)

        await self._app(scope, receive, send_as_problem)


class Unanswered:
    """Answers 503 where Serve's proxy gives no answer, because the replica that had the request is gone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = has_left = False

        async def watched_receive() -> Message:
            nonlocal has_left
            message = await receive()
            has_left = has_left or message["type"] == "http.disconnect"
            return message

        async def watched_send(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, watched_receive, watched_send)
        except RuntimeError:
            # Ray 2.60 stumbles over its own table of calls when it cancels those of a client that left.
            if not has_left:
                raise
        if not (has_started or has_left):
            await _problem_of(503, scope)(scope, receive, send)


class OutcomeReport:
    """Counts each report request once, by how it ended, and logs the ids of the request and of its report.

    Without an outcome it is an error of ours, unless its client was seen to leave or the request was cancelled: Serve
    cancels what a client left, often before the disconnect arrives.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str], metrics: MetricSink) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not _is_report(scope, self._paths):
            await self._app(scope, receive, send)
            return
        state, started_s = scope["state"], time.monotonic()

        async def watched_receive() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                state.setdefault("outcome", "client_gone")
            return message

        try:
            await self._app(scope, watched_receive, send)
        except asyncio.CancelledError:
            state.setdefault("outcome", "cancelled")
            raise
        finally:
            outcome = state.get("outcome", "error")
            self._metrics.count(REPORTS, outcome=outcome)
            log.info(
                Event.REPORT,
                request_id=request_id_of(scope),
                report_id=state.get("report_id", "none"),
                outcome=outcome,
                duration_s=time.monotonic() - started_s,
            )


class ProxyOutcomeReport:
    """Counts the report requests that Serve's proxy answered in place of the gateway, which counts all others."""

    def __init__(self, app: ASGIApp, paths: Collection[str], metrics: MetricSink) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)
        if _is_report(scope, self._paths) and "outcome" in scope["state"]:
            self._metrics.count(REPORTS, outcome=scope["state"]["outcome"])


class LastResort:
    """Answers exceptions that nothing else handled."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def watched_send(message: Message) -> None:
            nonlocal has_started
            has_started = has_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as exc:  # noqa: BLE001 - the one broad except, at the door
            response = await answer(Request(scope), exc)
            if not has_started:
                await response(scope, receive, send)


class HeadAsGet:
    """Answers HEAD as GET; the server drops the body (RFC 9110, section 9.3.2). FastAPI's routes know GET only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_head = scope["type"] == "http" and scope["method"] == "HEAD"
        await self._app({**scope, "method": "GET"} if is_head else scope, receive, send)


def _is_report(scope: Scope, paths: Collection[str]) -> bool:
    return scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in paths


def _is_foreign_error(start: Message) -> bool:
    # 499, which Serve sends to a client that left, is not an HTTP status.
    is_error = start["status"] >= 400 and start["status"] in _STATUSES
    media_type = Headers(raw=start["headers"]).get("content-type", "").partition(";")[0].strip().lower()
    return is_error and media_type not in {PROBLEM_JSON, JSON}


def _problem_of(status: int, scope: Scope) -> Response:
    error = Unavailable("the service cannot take this request now") if status == 503 else HTTPException(status)
    return settle(scope, error).response(scope)


def _accepted_id(sent: str | None) -> str:
    return sent if sent is not None and _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
