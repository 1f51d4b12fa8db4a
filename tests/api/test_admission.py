"""Which uploads are taken: as many as fit, as long as they make progress, and operators are answered beside them."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from serve_app.settings import GatewaySettings
from tests.api.conftest import FILM, ScriptedReporter, listening, open_door
from tests.api.test_uploads import FORM, form, post_body


async def test_a_long_upload_may_last_as_long_as_it_makes_progress() -> None:
    door = open_door(settings=GatewaySettings(upload_timeout_s=0.3, min_upload_bytes_per_s=100_000))

    async def steady() -> AsyncIterator[bytes]:
        yield form(("name=image; filename=f", b""))[:-9]
        for _ in range(10):
            yield b"x" * 20_000
            await asyncio.sleep(0.1)
        yield b"\r\n--b--\r\n"

    assert (await post_body(door, steady(), FORM)).status_code == 200


@pytest.mark.parametrize("is_declared", [True, False], ids=["declared", "counted as it comes"])
async def test_uploads_in_flight_are_bounded_by_their_bytes(is_declared: bool) -> None:
    reporter = ScriptedReporter(hangs_after=0)
    door = open_door(reporter, GatewaySettings(max_in_flight_bytes=250_000))
    body = form(("name=image; filename=f", b"x" * 100_000))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 20_000):
            yield body[start : start + 20_000]

    async with door.client() as client:

        async def post() -> httpx.Response:
            return await client.post("/v1/reports", content=body if is_declared else pieces(), headers=FORM)

        held = [asyncio.create_task(post()) for _ in range(2)]
        await asyncio.wait_for(reporter.hanging.wait(), 5)
        refused = await post()
        await cancelled(held)
        reporter.hangs_after = None
        accepted = await post()

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.headers["content-type"] == "application/problem+json" and refused.headers["retry-after"]
    assert accepted.status_code == 200, "what has ended is still counted"
    assert sorted(door.outcomes) == ["cancelled", "cancelled", "ok", "unavailable"]


async def test_an_upload_that_is_refused_is_not_read() -> None:
    door = open_door(ScriptedReporter(hangs_after=0), GatewaySettings(max_in_flight_bytes=100_000))
    num_read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal num_read
        num_read += 1
        yield b""

    async with door.client() as client:
        held = asyncio.create_task(client.post("/v1/reports", files={"image": FILM}))
        await asyncio.wait_for(door.reporter.hanging.wait(), 5)
        refused = await client.post("/v1/reports", content=body(), headers={**FORM, "Content-Length": "100000"})
        await cancelled([held])

    assert (refused.status_code, num_read) == (503, 0)


async def test_one_upload_alone_is_admitted_whatever_is_allowed_together() -> None:
    door = open_door(settings=GatewaySettings(max_in_flight_bytes=1000))

    assert (await door.post(image=b"x" * 100_000)).status_code == 200


async def test_uploads_that_never_end_leave_operators_their_answers_and_are_refused_above_their_number() -> None:
    door = open_door(settings=GatewaySettings(max_uploads=20))
    head = (
        f"POST /v1/reports HTTP/1.1\r\nHost: c\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: 999\r\n\r\n"
    )
    async with listening(door.app) as address, httpx.AsyncClient(base_url=address) as client:
        slow = [await asyncio.open_connection("127.0.0.1", int(address.rsplit(":", 1)[1])) for _ in range(20)]
        for _, writer in slow:
            writer.write(head.encode())
            await writer.drain()
        refused = await client.post("/v1/reports", files={"image": FILM})
        health = [await client.get(path) for path in ("/healthz", "/readyz", "/version")]
        for _, writer in slow:
            writer.close()

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.headers["retry-after"]
    assert [answer.status_code for answer in health] == [200] * 3
    assert door.reporter.asked == []


async def cancelled(asking: list[asyncio.Task[httpx.Response]]) -> None:
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
