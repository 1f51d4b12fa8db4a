"""May this report come in now: decided before a byte of its body is read."""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.admission.quotas import Left, Quotas
from serve_app.admission.slots import FairSlots
from serve_app.domain.call import Principal


class Admission:
    """Holds a report request against its caller's quotas and against the queue.

    Every answer has the caller's quota in its headers. Source: draft-ietf-httpapi-ratelimit-headers-11.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str], quotas: Quotas, slots: FairSlots) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._quotas = quotas
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        principal: Principal = scope["state"]["principal"]

        async def send_with_quota(message: Message) -> None:
            if message["type"] == "http.response.start" and (left := self._quotas.left(principal)) is not None:
                _write(left, MutableHeaders(scope=message))
            await send(message)

        with self._quotas.admitted(principal, declared_bytes(Headers(scope=scope))) as hold:
            self._slots.require_room(principal)
            scope["state"]["hold"] = hold
            await self._app(scope, receive, send_with_quota)


def declared_bytes(headers: Headers) -> int:
    """Read how long a body is said to be; 0 where that is not said."""
    declared = headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 20 else 0


def _write(left: Left, headers: MutableHeaders) -> None:
    headers["RateLimit-Policy"] = f'"requests";q={left.num_requests};w=60'
    headers["RateLimit"] = f'"requests";r={left.num_left};t={left.full_in_s}'
