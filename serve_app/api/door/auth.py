"""Who is asking, and until when. Until there is authentication everyone is the local principal."""

import time
from collections.abc import Awaitable, Callable

from fastapi import Request

from serve_app.api.door.headers import TRACEPARENT
from serve_app.domain.call import Call, Principal

LOCAL = Principal(subject="local", tenant="local", scopes=frozenset({"reports:write"}))


def caller(deadline_s: float) -> Callable[[Request], Awaitable[Call]]:
    """Make the dependency that names the call a request is: `deadline_s` seconds from now on it ends."""

    async def current_call(request: Request) -> Call:
        traceparent = request.headers.get("traceparent", "")
        return Call(
            request_id=request.state.request_id,
            principal=LOCAL,
            deadline_unix_s=time.time() + deadline_s,
            priority=0,
            trace_context={"traceparent": traceparent} if TRACEPARENT.fullmatch(traceparent) else {},
        )

    return current_call
