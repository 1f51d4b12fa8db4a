"""How long an upload may take, by a clock that jumps from one event to the next."""

import asyncio
import contextlib

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from serve_app.api.door.uploads import Uploads
from serve_app.settings import GatewaySettings
from tests.virtual_time import run

DEFAULTS = GatewaySettings()


def seconds_of(num_bytes: int, bytes_per_s: int) -> tuple[float, bool]:
    """Upload at a steady pace, second by second; how long the door held it, and whether it took it."""
    remaining_bytes, is_taken = num_bytes, False

    async def receive() -> Message:
        nonlocal remaining_bytes
        await asyncio.sleep(1)
        remaining_bytes -= bytes_per_s
        return {"type": "http.request", "body": bytes(bytes_per_s), "more_body": remaining_bytes > 0}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal is_taken
        is_taken = True

    async def send(message: Message) -> None:
        raise AssertionError

    async def upload() -> float:
        state = {"hold": lambda _: None}
        scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "state": state}
        with contextlib.suppress(HTTPException):
            await Uploads(app, ["/"], DEFAULTS)(scope, receive, send)
        return asyncio.get_running_loop().time()

    return run(upload()), is_taken


def test_the_largest_upload_comes_through_a_line_of_four_megabits() -> None:
    assert seconds_of(DEFAULTS.max_upload_bytes, 500_000) == (100, True)


@pytest.mark.parametrize("times_slowest", [1, 2, 5])
def test_an_upload_that_trickles_is_not_held_beyond_the_limit(times_slowest: int) -> None:
    pace = times_slowest * DEFAULTS.min_upload_bytes_per_s
    assert seconds_of(DEFAULTS.max_upload_bytes, pace) == (DEFAULTS.max_upload_s, False)


def test_an_upload_slower_than_the_slowest_pace_ends_before_that_limit() -> None:
    held_s, is_taken = seconds_of(DEFAULTS.max_upload_bytes, DEFAULTS.min_upload_bytes_per_s // 10)
    assert not is_taken
    assert DEFAULTS.upload_timeout_s <= held_s < DEFAULTS.max_upload_s / 4


def test_the_time_of_an_upload_cannot_begin_beyond_its_limit() -> None:
    with pytest.raises(ValueError, match=r"upload_timeout_s \(9\) must not exceed max_upload_s \(8\)"):
        GatewaySettings(upload_timeout_s=9, max_upload_s=8)
