"""Who is asking, and may they: before a byte of the body is read, and the same for every route.

A route declares the scope that it needs (`needs`) or that it needs none (`PUBLIC`); one that declares nothing keeps
the API from starting.
"""

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastapi import FastAPI, Request
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from serve_app.api.door.headers import TRACEPARENT
from serve_app.domain.access import Credentials
from serve_app.domain.call import Call, Principal, Scope
from serve_app.domain.errors import Forbidden, Unauthenticated
from serve_app.ports import Authenticator

SECURITY_SCHEMES = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, `clara_…`."},
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A token of a trusted issuer."},
}
PUBLIC: dict[str, Any] = {"security": []}
"""Declares a route that anybody may ask; goes into a route's `openapi_extra`."""

_DOCUMENTATION = ("/docs", "/openapi.json")


def needs(scope: Scope) -> dict[str, Any]:
    """Declare the scope that a route needs; goes into its `openapi_extra`."""
    return {"security": [{name: [str(scope)]} for name in SECURITY_SCHEMES]}


def require_declared(app: FastAPI) -> None:
    """Return if every route but the documentation declares what it needs.

    Raises:
        ValueError: one does not.
    """
    for route in app.routes:
        path: str = getattr(route, "path", "")
        if not path.startswith(_DOCUMENTATION) and "security" not in (getattr(route, "openapi_extra", None) or {}):
            raise ValueError(f"the route {path} declares no scope: give it needs(...) or PUBLIC")


class Access:
    """Authenticates and authorizes each request for a route that is not public.

    An address that has no route passes: the router refuses it.
    """

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and (needed := _needed(scope["app"].routes, scope)) is not None:
            principal = await self._authenticator.authenticate(_credentials(Headers(scope=scope)))
            if needed not in principal.scopes:
                raise Forbidden(f"this needs the scope {needed}", needed)
            scope["state"]["principal"] = principal
        await self._app(scope, receive, send)


def principal_of(request: Request) -> Principal:
    """Name who sent the request."""
    principal: Principal = request.state.principal
    return principal


def caller(deadline_s: float) -> Callable[[Request], Awaitable[Call]]:
    """Make the dependency that names the call a request is: `deadline_s` seconds from now on it ends."""

    async def current_call(request: Request) -> Call:
        traceparent = request.headers.get("traceparent", "")
        return Call(
            request_id=request.state.request_id,
            principal=principal_of(request),
            deadline_unix_s=time.time() + deadline_s,
            priority=0,
            trace_context={"traceparent": traceparent} if TRACEPARENT.fullmatch(traceparent) else {},
        )

    return current_call


def _needed(routes: Iterable[BaseRoute], scope: Connection) -> Scope | None:
    """Find the scope that the addressed route needs; the documentation needs none."""
    for route in routes:
        if route.matches(scope)[0] is Match.FULL:
            security = (getattr(route, "openapi_extra", None) or PUBLIC)["security"]
            return Scope(next(iter(security[0].values()))[0]) if security else None
    return None


def _credentials(headers: Headers) -> Credentials:
    sent = headers.getlist("authorization")
    if len(sent) > 1:
        raise Unauthenticated("the request has several Authorization headers")
    scheme, _, token = (sent or [""])[0].partition(" ")
    return Credentials(bearer=token.strip() if scheme.lower() == "bearer" and token.strip() else None)
