"""What a client's headers may be and do: bounded in size, without a say in Serve's routing, and from no other web page.

Serve reads some headers of the request as orders, and as UTF-8: any other byte in them would be an error of ours.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

MAX_HEADER_BYTES = 65_536
# W3C Trace Context, section 3.2; anything else would end a trace of ours in nothing.
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
# With `_` for `-`, as Serve compares them. Source: ray.serve._private.proxy and http_util of Ray 2.60.
_SERVES_OWN = {
    b"serve_multiplexed_model_id",
    b"x_session_id",
    b"x_request_timeout_seconds",
    b"x_request_disconnect_disabled",
}


class ClientHeaders:
    """Refuses oversized headers, and removes those by which Serve would take orders from a client."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
            raise HTTPException(431, f"The headers must not exceed {MAX_HEADER_BYTES} bytes.", {"Connection": "close"})
        headers = [header for header in scope["headers"] if _is_allowed(*header)]
        await self._app({**scope, "headers": headers}, receive, send)


class LoopbackOnly:
    """Refuses what web pages of other origins send to a platform that listens on loopback only.

    Such a platform has no authentication, and every page that its user opens could send requests to it. The owner of a
    page may let its name resolve to this machine: the browser then takes both for one origin, and only Host differs.
    A request without Host comes from no browser; HAProxy's health checks have none.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = Headers(scope=scope)
        origin, host = headers.get("origin"), headers.get("host")
        if host is not None and not _is_loopback(f"//{host}"):
            raise HTTPException(403, "This platform answers to addresses of this machine only, such as 127.0.0.1.")
        if origin is not None and not (_is_loopback(origin) and urlsplit(origin).netloc == (host or "").lower()):
            raise HTTPException(403, "This platform takes no requests from web pages of other origins.")
        await self._app(scope, receive, send)


def _is_allowed(name: bytes, value: bytes) -> bool:
    if name == b"traceparent":
        return TRACEPARENT.fullmatch(value.decode("latin-1")) is not None
    if name == b"tracestate":
        return value.isascii()
    return name.replace(b"-", b"_") not in _SERVES_OWN


def _is_loopback(url: str) -> bool:
    try:
        name = urlsplit(url).hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
