"""The ASGI middleware around every request: id and headers, outcome, method, size, and the last resort for errors.

Does not depend on routes; it is given their paths.
"""

import re
import uuid
from collections.abc import Collection
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.api.door.problems import answer, failure_of, request_id_of
from serve_app.domain.errors import Unavailable, UploadTooLarge
from serve_app.ports import MetricSink
from serve_app.telemetry.metrics import REPORTS

_STATUSES = frozenset(map(int, HTTPStatus))
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# Room for boundaries, part headers and the few short fields around the image.
MULTIPART_OVERHEAD_BYTES = 16_384


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
    """Replaces plain-text errors of Serve's proxy, whose text may be Ray's, by problem documents.

    The status stays; a missing answer becomes 503, because the replica that had the request is gone. The gateway never
    answers in plain text, so its answers pass, as do the proxy's own paths (`/-/`).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith("/-/"):
            await self._app(scope, receive, send)
            return
        has_started = is_replaced = has_left = False

        async def watched_receive() -> Message:
            nonlocal has_left
            message = await receive()
            has_left = has_left or message["type"] == "http.disconnect"
            return message

        async def send_as_problem(message: Message) -> None:
            nonlocal has_started, is_replaced
            if message["type"] == "http.response.start":
                has_started, is_replaced = True, _is_plain_error(message)
                if is_replaced:
                    await _problem_of(message["status"], scope)(scope, receive, send)
            if not is_replaced:
                await send(message)

        try:
            await self._app(scope, watched_receive, send_as_problem)
        except RuntimeError:
            if has_left:
                # Ray 2.60 stumbles over its own table of calls when it cancels those of a client that left.
                return
            raise
        if not has_started:
            await _problem_of(503, scope)(scope, receive, send)


class OutcomeReport:
    """Counts each report request once, by how it ended; a request that nobody finished was left by its client."""

    def __init__(self, app: ASGIApp, paths: Collection[str], metrics: MetricSink) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._metrics.count(REPORTS, outcome=scope["state"].get("outcome", "client_gone"))


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


class BodyLimit:
    """Stops reading a body that exceeds the limit, whether its length was declared or not.

    The server discards what the client still sends, so that it gets to read the answer.
    """

    def __init__(self, app: ASGIApp, max_upload_bytes: int) -> None:
        self._app = app
        self._max_upload_bytes = max_upload_bytes
        self._limit_bytes = max_upload_bytes + MULTIPART_OVERHEAD_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_too_large = _declared_bytes(Headers(scope=scope)) > self._limit_bytes
        received_bytes = 0

        async def limited_receive() -> Message:
            nonlocal received_bytes
            if is_too_large:
                raise too_large(self._max_upload_bytes)
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > self._limit_bytes:
                raise too_large(self._max_upload_bytes)
            return message

        await self._app(scope, limited_receive, send)


def too_large(max_upload_bytes: int) -> UploadTooLarge:
    """Say how many bytes an upload may have."""
    return UploadTooLarge(f"the upload must not exceed {max_upload_bytes} bytes", max_upload_bytes)


def _is_plain_error(start: Message) -> bool:
    # 499, which Serve sends to a client that left, is not an HTTP status.
    is_error = start["status"] >= 400 and start["status"] in _STATUSES
    return is_error and Headers(raw=start["headers"]).get("content-type", "").startswith("text/plain")


def _problem_of(status: int, scope: Scope) -> Response:
    error = Unavailable("the service cannot take this request now") if status == 503 else HTTPException(status)
    return failure_of(error, request_id_of(scope)).response(scope)


def _accepted_id(sent: str | None) -> str:
    return sent if sent is not None and _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex


def _declared_bytes(headers: Headers) -> int:
    declared = headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 20 else 0
