"""What Serve wraps around every request, in its own proxy and in a gateway behind HAProxy; loaded by Ray, by name.

The chart names `middleware`, and so does one machine that asks for keys; one that is open to its user
`loopback_middleware` (`cluster.environment`).
"""

import uuid

import uvicorn.config
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serve_app.api.door.headers import MAX_HEADER_BYTES, ClientHeaders, LoopbackOnly
from serve_app.api.door.middleware import (
    LastResort,
    PlainErrors,
    ProxyOutcomeReport,
    RequestContext,
    Unanswered,
)
from serve_app.api.door.problems import PROBLEM_JSON, failure_of
from serve_app.api.factory import REPORT_PATHS
from serve_app.cluster.environment import log_to_serve
from serve_app.cluster.recorder import Recorder


def middleware() -> list[Middleware]:
    """Surround what Serve does with our headers, errors and outcomes; innermost first."""
    log_to_serve()
    # Serve makes its server after this call, with uvicorn's default protocol.
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{BoundedHeads.__module__}:{BoundedHeads.__name__}"
    return [
        Middleware(PlainErrors),
        Middleware(Unanswered),
        Middleware(ClientHeaders),
        Middleware(LastResort),
        Middleware(ProxyOutcomeReport, paths=REPORT_PATHS, metrics=Recorder()),
        Middleware(RequestContext),
    ]


def loopback_middleware() -> list[Middleware]:
    """Do the same where only this machine's user has access, through whatever page is open in a browser.

    Where keys are required this is not needed: a browser adds none by itself, and no page of another origin has one.
    """
    inner, *outer = middleware()
    return [inner, Middleware(LoopbackOnly), *outer]


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, whose own parser keeps a request's head in memory however long it grows.

    A head that has come whole is `ClientHeaders`' matter. Errors of the protocol itself are problem documents too.
    """

    _head_bytes: int | None = 0
    """Bytes of the head that is being received; None while a body is."""

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it is too much for a head."""
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self._refuse(431, f"The headers must not exceed {MAX_HEADER_BYTES} bytes.")

    def on_headers_complete(self) -> None:
        """Begin the request."""
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the request; another may follow on the same connection."""
        self._head_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._refuse(400, msg)

    def _refuse(self, status: int, detail: str) -> None:
        request_id = uuid.uuid4().hex
        body = failure_of(HTTPException(status, detail), request_id).problem.model_dump_json().encode()
        head = f"content-type: {PROBLEM_JSON}\r\ncontent-length: {len(body)}\r\nx-request-id: {request_id}\r\n"
        self.transport.write(STATUS_LINE[status] + head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()
