"""A report in progress, apart from the request that wants it.

The reporter runs in a task of its own: when the client leaves, it is cancelled once and can clean up in peace,
whatever cancels the request meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing
from typing import TypeVar, cast

import anyio
from starlette.requests import ClientDisconnect, Request

from serve_app.domain.report import Report, ReportEvent

T = TypeVar("T")

# Events between the reporter and its reader. In Serve no client holds the reader back: its queue takes all at once.
_MAX_WAITING_EVENTS = 64
# How long the reporter may take to let go of the engine; it goes on by itself after that.
_CLEANUP_S = 10.0
# Serve cancels what a request called before the request itself; the request's own end comes within this time.
_CANCELLATION_S = 1.0


class ReportRun:
    """Runs one report and hands its events over; iterate it once, then ask for `failure`, and always close it."""

    def __init__(self, events: AsyncIterator[ReportEvent]) -> None:
        self._sender, self._receiver = anyio.create_memory_object_stream[ReportEvent](_MAX_WAITING_EVENTS)
        self._task = asyncio.create_task(self._pump(cast(AsyncGenerator[ReportEvent, None], events)))

    async def _pump(self, events: AsyncGenerator[ReportEvent, None]) -> Report:
        last: ReportEvent | None = None
        with self._sender:
            async with aclosing(events):
                async for last in events:
                    await self._sender.send(last)
        if not isinstance(last, Report):
            raise TypeError("the reporter ended without a report")
        return last

    def __aiter__(self) -> "ReportRun":
        return self

    async def __anext__(self) -> ReportEvent:
        try:
            return await self._receiver.receive()
        except anyio.EndOfStream:
            await asyncio.wait({self._task})
            if self._task.cancelled():
                await asyncio.sleep(_CANCELLATION_S)
            raise StopAsyncIteration from None

    async def first(self) -> ReportEvent:
        """Wait for the first event; raise what prevented it."""
        async for event in self:
            return event
        return self._outcome()

    async def report(self) -> Report:
        """Wait for the report; raise what prevented it."""
        async for _ in self:
            pass
        return self._outcome()

    @property
    def failure(self) -> BaseException | None:
        """What ended the run before its report was complete; none while it goes on."""
        if not self._task.done():
            return None
        return RuntimeError("the reporter was cancelled") if self._task.cancelled() else self._task.exception()

    def _outcome(self) -> Report:
        if self.failure is not None:
            raise self.failure
        return self._task.result()

    async def close(self) -> None:
        """Stop the reporter if it still works and wait until it has cleaned up."""
        self._receiver.close()
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=_CLEANUP_S)
        _ = self.failure  # asyncio complains about a failure that nobody looked at


async def unless_client_leaves(request: Request, work: Awaitable[T]) -> T:
    """Await some work while watching the connection.

    Raises:
        ClientDisconnect: the client left first; the work was cancelled.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_wait_for_disconnect(request))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
