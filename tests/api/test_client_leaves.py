"""A client that leaves: the reporter is closed at once, on a real socket."""

import asyncio
import contextlib
from collections.abc import Callable

import httpx
import pytest

from tests.api.conftest import FILM, ScriptedReporter, listening, open_door

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
