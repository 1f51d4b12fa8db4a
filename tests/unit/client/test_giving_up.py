"""Whoever gives up a report closes its connection at once, and the server stops working on it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from serve_app.client import AsyncClient, DeadlineExceeded, Event, IncompleteAnswer, Prepared, ReportDone
from tests.api.conftest import FILM, Door, ScriptedReporter, listening, open_door
from tests.unit.client.conftest import PROMPTLY_S, stream_bytes


@contextlib.asynccontextmanager
async def asked(door: Door) -> AsyncIterator[AsyncClient]:
    async with listening(door.app) as url, AsyncClient(url) as client:
        yield client


async def read_into(seen: list[Event], client: AsyncClient) -> None:
    async for event in client.stream(FILM):
        seen.append(event)


@pytest.mark.parametrize("hangs_after", [0, 2])
@pytest.mark.parametrize("way", ["report", "stream"])
async def test_cancelling_the_task_stops_the_server(way: str, hangs_after: int) -> None:
    door = open_door(ScriptedReporter(hangs_after=hangs_after))
    async with asked(door) as client:
        task = asyncio.create_task(client.report(FILM) if way == "report" else read_into([], client))
        await asyncio.wait_for(door.reporter.hanging.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(door.reporter.closed.wait(), PROMPTLY_S)


@pytest.mark.parametrize("ending", ["break", "aclose", "with"])
async def test_leaving_a_stream_stops_the_server(ending: str) -> None:
    door = open_door(ScriptedReporter(hangs_after=2))
    async with asked(door) as client:
        match ending:
            case "break":
                async for _ in client.stream(FILM):
                    break
            case "aclose":
                events = client.stream(FILM)
                await anext(events)
                await events.aclose()
            case "with":
                async with client.stream(FILM) as events:
                    await anext(events)
        await asyncio.wait_for(door.reporter.closed.wait(), PROMPTLY_S)


async def test_the_deadline_stops_the_server_and_only_this_call() -> None:
    door = open_door(ScriptedReporter(hangs_after=1))
    async with asked(door) as client:
        with pytest.raises(DeadlineExceeded):
            await client.report(FILM, deadline_s=0.2)
        await asyncio.wait_for(door.reporter.closed.wait(), PROMPTLY_S)
        assert (await client.readiness()).status == "ready"


async def test_a_peer_that_never_takes_the_film_meets_the_deadline() -> None:
    async def never_read(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    server = await asyncio.start_server(never_read, "127.0.0.1", 0, limit=1)
    port = server.sockets[0].getsockname()[1]
    try:
        async with AsyncClient(f"http://127.0.0.1:{port}") as client:
            with pytest.raises(DeadlineExceeded):
                await client.report(bytes(50_000_000), deadline_s=0.5)
    finally:
        server.close()


@pytest.mark.parametrize("cut_bytes", [0, 40, 200])
async def test_a_connection_that_ends_early_is_never_a_report(cut_bytes: int) -> None:
    """The server ends the stream in good order, or breaks it off in the middle of a line."""
    whole = stream_bytes()
    part = whole[: whole.index(b"event: report") + cut_bytes]

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"--\r\n")
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode() + f"{len(part):x}\r\n".encode() + part + b"\r\n")
        writer.write(b"" if cut_bytes else b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(stream, "127.0.0.1", 0)
    seen: list[Event] = []
    async with server, AsyncClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
        with pytest.raises(IncompleteAnswer):
            await read_into(seen, client)
    assert isinstance(seen[0], Prepared)
    assert not any(isinstance(event, ReportDone) for event in seen)
