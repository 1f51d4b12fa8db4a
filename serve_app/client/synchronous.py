"""The synchronous client: the asynchronous one on an event loop of its own, so that deadlines are as exact."""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from .asynchronous import SERVICE_DEADLINE_S, AsyncClient, AsyncReportStream
from .connection import ConnectionOptions
from .events import Event
from .form import ImageSource, ReportOptions
from .retries import MAX_RETRIES
from .schemas import ReadinessBody, ReportBody, VersionBody

T = TypeVar("T")


class Client:
    """Requests reports from one platform, for any number of threads; close it, or use it in a `with` statement.

    Raises:
        Unreachable, ValueError, OSError: as `AsyncClient`.
    """

    def __init__(self, url: str, *, max_retries: int = MAX_RETRIES, **options: Unpack[ConnectionOptions]) -> None:
        self._client = AsyncClient(url, max_retries=max_retries, **options)
        self._loop = _LoopThread()

    def report(self, image: ImageSource | None = None, **options: Unpack[ReportOptions]) -> ReportBody:
        """Draft a report on one image; see `AsyncClient.report`."""
        return self._loop.run(self._client.report(image, **options))

    def stream(self, image: ImageSource | None = None, **options: Unpack[ReportOptions]) -> "ReportStream":
        """Draft a report on one image and iterate over its events; see `AsyncClient.stream`."""
        return ReportStream(self._client.stream(image, **options), self._loop)

    def version(self, *, deadline_s: float = SERVICE_DEADLINE_S) -> VersionBody:
        """Return what reports are made with; see `AsyncClient.version`."""
        return self._loop.run(self._client.version(deadline_s=deadline_s))

    def readiness(self, *, deadline_s: float = SERVICE_DEADLINE_S) -> ReadinessBody:
        """Return whether reports can be made now; see `AsyncClient.readiness`."""
        return self._loop.run(self._client.readiness(deadline_s=deadline_s))

    def close(self) -> None:
        """Close the connections; safe to call again."""
        if self._loop.is_running:
            self._loop.run(self._client.aclose())
            self._loop.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ReportStream:
    """The events of one report as they come; the last is `ReportDone`. Closing it gives the report up."""

    def __init__(self, events: AsyncReportStream, loop: "_LoopThread") -> None:
        self._events = events
        self._loop = loop

    @property
    def request_id(self) -> str:
        """The id under which the server logs the call."""
        return self._events.request_id

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        event = self._loop.run(self._next())
        if event is None:
            raise StopIteration
        return event

    async def _next(self) -> Event | None:
        return await anext(self._events, None)

    def close(self) -> None:
        """Give the report up if it is not whole yet: the connection is closed, and the server stops."""
        self._loop.run(self._events.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _LoopThread:
    """An event loop in a thread of its own: the caller's thread may run a loop already, as in a notebook."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="clara-client", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        # A runner's end cancels what still works and closes the loop.
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

    @property
    def is_running(self) -> bool:
        """Whether it was not stopped yet."""
        return not self._loop.is_closed()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it; whatever interrupts the wait, such as Ctrl-C, cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
