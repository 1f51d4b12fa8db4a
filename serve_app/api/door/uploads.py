"""The bodies of report requests: bounded in size and in time, and whole before a report begins.

Does not read forms: `forms` does, from a body that is already here.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.admission.quotas import Hold
from serve_app.api.door.admission import declared_bytes
from serve_app.domain.errors import UploadTooLarge
from serve_app.settings import GatewaySettings

# Room for boundaries, part headers and the few short fields around the image.
MULTIPART_OVERHEAD_BYTES = 16_384
TOO_SLOW = "The form did not arrive in time."


class Uploads:
    """Reads the body of a report request whole, and only then passes the request on.

    Its bytes count as they come where their number was not declared. The server discards what a refused client still
    sends, so that it gets to read the answer.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str], settings: GatewaySettings) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._settings = settings
        self._limit_bytes = settings.max_upload_bytes + MULTIPART_OVERHEAD_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        num_bytes = declared_bytes(Headers(scope=scope))
        self._require_small(num_bytes)
        body = await self._body(receive, num_bytes, scope["state"]["hold"])
        await self._app(scope, _replayed(body, receive), send)

    async def _body(self, receive: Receive, num_declared_bytes: int, hold: Hold) -> deque[bytes]:
        """Read the whole body; each byte buys the time that the slowest client may take for it, up to a limit.

        Raises:
            HTTPException: 408, it came too slowly.
            ClientDisconnect: the client left.
        """
        body: deque[bytes] = deque()
        received_bytes, started_s = 0, asyncio.get_running_loop().time()
        settings = self._settings
        timeout_s, bytes_per_s = settings.upload_timeout_s, settings.min_upload_bytes_per_s
        try:
            async with asyncio.timeout(timeout_s) as timeout:
                async for piece in _pieces(receive):
                    received_bytes += len(piece)
                    self._require_small(received_bytes)
                    hold(max(num_declared_bytes, received_bytes))
                    body.append(piece)
                    timeout.reschedule(started_s + min(timeout_s + received_bytes / bytes_per_s, settings.max_upload_s))
        except TimeoutError:
            # Close it: unread form data would precede the next request.
            raise HTTPException(408, TOO_SLOW, {"Connection": "close"}) from None
        return body

    def _require_small(self, num_bytes: int) -> None:
        if num_bytes > self._limit_bytes:
            raise too_large(self._settings.max_upload_bytes)


def too_large(max_upload_bytes: int) -> UploadTooLarge:
    """Say how many bytes an upload may have."""
    return UploadTooLarge(f"the upload must not exceed {max_upload_bytes} bytes", max_upload_bytes)


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    is_whole = False
    while not is_whole:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        is_whole = not message.get("more_body", False)
        yield message.get("body", b"")


def _replayed(body: deque[bytes], receive: Receive) -> Receive:
    """Hand the body over piece by piece and let go of each, then go on receiving."""

    async def replay() -> Message:
        if not body:
            return await receive()
        piece = body.popleft()
        return {"type": "http.request", "body": piece, "more_body": bool(body)}

    return replay
