"""A client that leaves: the reporter is closed at once, on a real socket."""

import asyncio
import contextlib
from collections.abc import Callable

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from serve_app.api.door.middleware import OutcomeReport
from tests.api.conftest import FILM, Outcomes, ScriptedReporter, listening, open_door

PROMPTLY_S = 2.0
STREAM = {"Accept": "text/event-stream"}
JSON = {"Accept": "application/json"}


@pytest.mark.parametrize("hangs_after", [0, 2])
@pytest.mark.parametrize(("path", "headers"), [("/v1/reports", STREAM), ("/v1/reports", JSON), ("/predict", JSON)])
async def test_the_reporter_is_closed_when_the_client_leaves(
    path: str, headers: dict[str, str], hangs_after: int
) -> None:
    door = open_door(ScriptedReporter(hangs_after=hangs_after))
    async with listening(door.app) as address, httpx.AsyncClient(base_url=address) as client:
        asking = asyncio.create_task(client.post(path, files={"image": FILM}, headers=headers))
        await asyncio.wait_for(door.reporter.hanging.wait(), 5)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking

        await asyncio.wait_for(door.reporter.closed.wait(), PROMPTLY_S)
        await eventually(lambda: door.outcomes == ["client_gone"])


async def test_a_client_that_leaves_with_its_report_has_one() -> None:
    events = ScriptedReporter().events
    door = open_door(ScriptedReporter([*events, events[-1]], hangs_after=len(events)))
    async with listening(door.app) as address, httpx.AsyncClient(base_url=address) as client:
        async with client.stream("POST", "/v1/reports", files={"image": FILM}, headers=STREAM) as response:
            lines = response.aiter_lines()
            while await anext(lines) != "event: report":
                pass
        await asyncio.wait_for(door.reporter.closed.wait(), PROMPTLY_S)
        await eventually(lambda: door.outcomes == ["ok"])


@pytest.mark.parametrize("headers", [STREAM, JSON])
@pytest.mark.parametrize("hangs_after", [0, 2])
async def test_a_request_that_is_cancelled_has_an_outcome_of_its_own(headers: dict[str, str], hangs_after: int) -> None:
    door = open_door(ScriptedReporter(hangs_after=hangs_after))
    async with door.client() as client:
        asking = asyncio.create_task(client.post("/v1/reports", files={"image": FILM}, headers=headers))
        await asyncio.wait_for(door.reporter.hanging.wait(), 5)
        # In process this cancels the request itself, as Serve does when it has noticed a disconnect.
        asking.cancel()
        await asyncio.wait({asking})

    assert door.outcomes == ["cancelled"]


@pytest.mark.parametrize("headers", [STREAM, JSON])
@pytest.mark.parametrize("num_events", [0, 2])
async def test_a_request_is_cancelled_even_if_what_it_called_is_cancelled_first(
    headers: dict[str, str], num_events: int
) -> None:
    door = open_door(ScriptedReporter(ScriptedReporter().events[:num_events], asyncio.CancelledError()))
    async with door.client() as client:
        asking = asyncio.create_task(client.post("/v1/reports", files={"image": FILM}, headers=headers))
        await asyncio.wait_for(door.reporter.closed.wait(), 5)
        await asyncio.sleep(0.1)
        asking.cancel()
        await asyncio.wait({asking})

    assert door.outcomes == ["cancelled"]


async def test_a_request_that_ends_without_a_word_is_our_error() -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        """Answer nothing."""

    counted = Outcomes([])
    app = OutcomeReport(silent, ["/v1/reports"], counted)
    scope = {"type": "http", "method": "POST", "path": "/v1/reports", "state": {}}
    await app(scope, lambda: asyncio.Event().wait(), silent)

    assert counted.seen == ["error"]


async def test_the_server_answers_others_while_a_report_hangs() -> None:
    door = open_door(ScriptedReporter(hangs_after=1))
    async with listening(door.app) as address, httpx.AsyncClient(base_url=address) as client:
        asking = asyncio.create_task(client.post("/v1/reports", files={"image": FILM}))
        await door.reporter.hanging.wait()
        assert (await client.get("/healthz", timeout=2)).status_code == 200
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PROMPTLY_S):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
