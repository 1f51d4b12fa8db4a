"""One call: its request id and its deadline."""

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .errors import DeadlineExceeded

# What the server takes as a request id; it replaces any other.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Call:
    """Its clock runs from the moment it is made.

    Raises:
        ValueError: the request id is not one that the server would keep.
    """

    def __init__(self, deadline_s: float, request_id: str | None = None) -> None:
        if request_id is not None and not _REQUEST_ID.fullmatch(request_id):
            raise ValueError("a request id has 1 to 128 letters, digits, dots, dashes or underscores")
        self.request_id = request_id or uuid.uuid4().hex
        self._deadline_s = deadline_s
        self._end_s = time.monotonic() + deadline_s

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self._end_s - time.monotonic()

    @asynccontextmanager
    async def limit(self) -> AsyncIterator[None]:
        """Cancel the work inside at the deadline.

        Raises:
            DeadlineExceeded: it passed.
        """
        try:
            async with asyncio.timeout(self.remaining_s):
                yield
        except TimeoutError:
            message = f"no whole answer within the {self._deadline_s:g} s that the caller allowed"
            raise DeadlineExceeded(message, self.request_id) from None
