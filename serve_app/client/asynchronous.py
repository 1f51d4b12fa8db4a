"""The asynchronous client. It needs asyncio and is bound to the event loop that first uses it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, Unpack

import httpx
from httpx_sse import EventSource, SSEError

from .answers import parsed, problem_of
from .call import Call
from .connection import ConnectionOptions, httpx_options
from .errors import IncompleteAnswer, ProblemError, UnexpectedAnswer, Unreachable
from .events import CUT_OFF, EVENT_STREAM, Event, ReportDone, event_of
from .form import DEFAULT_DEADLINE_S, ImageSource, ReportForm, ReportOptions, report_form
from .retries import MAX_RETRIES, Retries, retry_after_s
from .schemas import ReadinessBody, ReportBody, VersionBody

SERVICE_DEADLINE_S = 10.0
"""Seconds that `readiness` and `version` may take."""
JSON = "application/json"
OK = httpx.codes.OK
NOT_READY = httpx.codes.SERVICE_UNAVAILABLE
_UNTRUSTED = "no known authority vouches for its certificate; name the file of the right one (--ca-file, ca_file=)"
# The call's deadline bounds everything else.
_TIMEOUT = httpx.Timeout(None, connect=5.0)
# Shorter than servers keep an idle connection: one that they close as we use it would fail the call.
_LIMITS = httpx.Limits(max_connections=None, keepalive_expiry=2.0)


class AsyncReportStream:
    """The events of one report as they come; the last is `ReportDone`. Closing it gives the report up."""

    def __init__(self, events: AsyncGenerator[Event], call: Call) -> None:
        self._events = events
        self._call = call

    @property
    def request_id(self) -> str:
        """The id under which the server logs the call."""
        return self._call.request_id

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        async with self._call.limit():
            return await anext(self._events)

    async def aclose(self) -> None:
        """Give the report up if it is not whole yet: the connection is closed, and the server stops."""
        await self._events.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class AsyncClient:
    """Requests reports from one platform, any number of them concurrently.

    It repeats a call at most `max_retries` times, after 429, 503 or a failed connection, within the call's deadline.

    Raises:
        Unreachable: `url` is not an address.
        ValueError: the API key holds what no header may. OSError: `ca_file` is not there, or holds no certificate.
    """

    def __init__(self, url: str, *, max_retries: int = MAX_RETRIES, **options: Unpack[ConnectionOptions]) -> None:
        self.url = url
        self._retries = Retries(max_retries)
        try:
            self._http = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT, limits=_LIMITS, **httpx_options(options))
        except httpx.InvalidURL as error:
            raise self._unreachable() from error

    async def report(self, image: ImageSource | None = None, **options: Unpack[ReportOptions]) -> ReportBody:
        """Draft a report on one image.

        Raises:
            ProblemError: the server refused, or could not answer. Unreachable: nobody is there.
            DeadlineExceeded: it took longer than `deadline_s`. IncompleteAnswer: the connection was lost.
            UnexpectedAnswer: something other than the platform answers there.
        """
        call = Call(options.get("deadline_s", DEFAULT_DEADLINE_S), options.get("request_id"))
        async with call.limit():
            form = await asyncio.to_thread(report_form, image, options)
            content = await self._content(call, self._report_request(call, form, JSON))
        return parsed(ReportBody, content, call.request_id)

    def stream(self, image: ImageSource | None = None, **options: Unpack[ReportOptions]) -> AsyncReportStream:
        """Draft a report on one image and iterate over its events; nothing is sent before the first is requested.

        Raises:
            ClientError: as `report`, while it is iterated.
        """
        call = Call(options.get("deadline_s", DEFAULT_DEADLINE_S), options.get("request_id"))
        return AsyncReportStream(self._events(call, image, options), call)

    async def version(self, *, deadline_s: float = SERVICE_DEADLINE_S) -> VersionBody:
        """Return what reports are made with.

        Raises:
            ClientError: as `report`.
        """
        call = Call(deadline_s)
        async with call.limit():
            content = await self._content(call, self._request(call, "GET", "/version"))
        return parsed(VersionBody, content, call.request_id)

    async def readiness(self, *, deadline_s: float = SERVICE_DEADLINE_S) -> ReadinessBody:
        """Return whether reports can be made now. Asks once; `not-ready` is an answer, not an error.

        Raises:
            ClientError: as `report`.
        """
        call = Call(deadline_s)
        async with call.limit(), aclosing(await self._sent(call, self._request(call, "GET", "/readyz"))) as response:
            content = await self._read(call, response)
        is_own = response.headers.get("content-type", "").partition(";")[0] == JSON
        if response.status_code == OK or (response.status_code == NOT_READY and is_own):
            return parsed(ReadinessBody, content, call.request_id)
        raise _problem(response, call)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _request(self, call: Call, method: str, path: str, accept: str = JSON, **content: Any) -> httpx.Request:
        headers = {"Accept": accept, "X-Request-Id": call.request_id}
        return self._http.build_request(method, path, headers=headers, **content)

    def _report_request(self, call: Call, form: ReportForm, accept: str) -> httpx.Request:
        return self._request(call, "POST", "/v1/reports", accept, files=form.files, data=form.data)

    async def _events(self, call: Call, image: ImageSource | None, options: ReportOptions) -> AsyncGenerator[Event]:
        form = await asyncio.to_thread(report_form, image, options)
        request = self._report_request(call, form, EVENT_STREAM)
        async with aclosing(await self._accepted(call, request)) as response:
            with self._failures_named(call):
                async with aclosing(EventSource(response).aiter_sse()) as messages:
                    async for message in messages:
                        if (event := event_of(message, call.request_id)) is not None:
                            yield event
                        if isinstance(event, ReportDone):
                            return
        raise IncompleteAnswer(CUT_OFF, call.request_id)

    async def _content(self, call: Call, request: httpx.Request) -> bytes:
        async with aclosing(await self._accepted(call, request)) as response:
            return await self._read(call, response)

    async def _accepted(self, call: Call, request: httpx.Request) -> httpx.Response:
        """Send a request until the answer is a success, whose body is still to be read, or the last word."""
        num_failures = 0
        while True:
            try:
                return await self._success(call, request)
            except (ProblemError, Unreachable) as failure:
                num_failures += 1
                wait_s = self._retries.wait_s(num_failures, failure)
                if wait_s is None or wait_s >= call.remaining_s:
                    raise
            await asyncio.sleep(wait_s)

    async def _success(self, call: Call, request: httpx.Request) -> httpx.Response:
        response = await self._sent(call, request)
        if response.status_code == OK:
            return response
        async with aclosing(response):
            await self._read(call, response)
        raise _problem(response, call)

    async def _sent(self, call: Call, request: httpx.Request) -> httpx.Response:
        with self._failures_named(call):
            return await self._http.send(request, stream=True)

    async def _read(self, call: Call, response: httpx.Response) -> bytes:
        with self._failures_named(call):
            return await response.aread()

    @contextmanager
    def _failures_named(self, call: Call) -> Iterator[None]:
        """Raise httpx's errors as ours."""
        try:
            yield
        except SSEError as error:
            raise UnexpectedAnswer(f"what answers at {self.url} is not the platform", call.request_id) from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise Unreachable(f"{self.url} is not trusted: {_UNTRUSTED}", call.request_id) from error
            raise self._unreachable(call.request_id) from error
        except httpx.RequestError as error:
            raise IncompleteAnswer(CUT_OFF, call.request_id) from error

    def _unreachable(self, request_id: str = "") -> Unreachable:
        return Unreachable(f"no answer from {self.url}: is the platform up?", request_id)


def _problem(response: httpx.Response, call: Call) -> ProblemError:
    """Read the problem of an answer whose body was read."""
    problem = problem_of(response.content, response.status_code, response.reason_phrase, call.request_id)
    return ProblemError(problem, retry_after_s(response.headers.get("retry-after"), datetime.now(UTC)))
