"""POST /v1/reports as server-sent events."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.api.door.negotiation import prefers_event_stream
from serve_app.domain.errors import EngineGone, NotAnImage
from serve_app.settings import GatewaySettings
from tests.api.conftest import FILM, Door, ScriptedReporter, listening, open_door


def events_of(text: str) -> list[tuple[str, Any]]:
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\r\n\r\n") if block]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


async def test_the_events_tell_the_report_in_order(door: Door) -> None:
    response = await door.stream()

    events = events_of(response.text)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in events] == [
        "prepared",
        "findings.delta",
        "findings",
        "impression.delta",
        "impression",
        "report",
    ]
    by_name = dict(events)
    assert by_name["prepared"].keys() == {"id", "image", "gate", "images"}
    assert by_name["findings.delta"] == {"text": by_name["findings"]["text"]}
    assert by_name["impression"].keys() == {"text", "items", "status", "concerns"}
    assert by_name["report"]["findings"].items() <= by_name["findings"].items()
    assert by_name["report"]["concerns"] == by_name["findings"]["concerns"] + by_name["impression"]["concerns"]
    assert door.outcomes == ["ok"]


async def test_the_last_event_is_the_json_answer(door: Door) -> None:
    streamed = events_of((await door.stream()).text)[-1][1]

    assert streamed == (await door.post()).json()


async def test_vietnamese_is_sent_as_it_is_written(door: Door) -> None:
    assert "Bóng tim to" in (await door.stream()).text


async def test_an_error_before_the_first_event_has_its_own_status() -> None:
    door = open_door(ScriptedReporter([], NotAnImage("this is no image")))

    response = await door.stream()

    assert response.status_code == 415
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == "this is no image"
    assert door.reporter.closed.is_set()
    assert door.outcomes == ["bad_request"]


async def test_an_error_later_is_the_last_event_and_a_problem() -> None:
    events = ScriptedReporter().events[:2]
    door = open_door(ScriptedReporter(events, EngineGone("the engine stopped", 7)))

    response = await door.stream()

    assert response.status_code == 200
    told = events_of(response.text)
    assert [name for name, _ in told] == ["prepared", "findings.delta", "error"]
    assert told[-1][1] == {
        "type": "urn:clara:problem:engine-gone",
        "title": "The model engine stopped while it worked on this report.",
        "status": 503,
        "detail": "the engine stopped",
        "code": "engine-gone",
        "request_id": response.headers["x-request-id"],
        "facts": {"retry_after_s": 7},
    }
    assert door.outcomes == ["unavailable"]


async def test_a_bug_in_the_middle_of_a_stream_tells_nothing(replica_log: pytest.LogCaptureFixture) -> None:
    door = open_door(ScriptedReporter(ScriptedReporter().events[:3], RuntimeError("secret /path")))

    response = await door.stream()

    assert events_of(response.text)[-1][1]["code"] == "internal-error"
    assert "secret" not in response.text
    assert "secret" not in replica_log.text
    assert "RuntimeError" in replica_log.text
    assert door.outcomes == ["error"]


async def test_a_stream_without_a_report_ends_in_an_error() -> None:
    response = await open_door(ScriptedReporter(ScriptedReporter().events[:-1])).stream()

    assert [name for name, _ in events_of(response.text)][-2:] == ["impression", "error"]


@pytest.mark.parametrize("num_events", [0, 3])
async def test_a_reporter_that_is_cancelled_behind_the_door_is_no_success(num_events: int) -> None:
    door = open_door(ScriptedReporter(ScriptedReporter().events[:num_events], asyncio.CancelledError()))

    assert (await door.post()).status_code == 500
    assert "internal-error" in (await door.stream()).text
    assert door.outcomes == ["error", "error"]


async def test_a_silent_stream_is_kept_open_by_comments() -> None:
    door = open_door(ScriptedReporter(hangs_after=1), GatewaySettings(ping_period_s=0.05))
    async with listening(door.app) as address, httpx.AsyncClient(base_url=address) as client:
        headers = {"Accept": "text/event-stream"}
        async with client.stream("POST", "/v1/reports", files={"image": FILM}, headers=headers) as response:
            lines = response.aiter_lines()
            while not (line := await anext(lines)).startswith(":"):
                pass
            assert "ping" in line


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/event-stream", True),
        ("TEXT/Event-Stream", True),
        ("text/event-stream;charset=utf-8", True),
        ("text/event-stream, application/json;q=0.9", True),
        ("text/event-stream, */*;q=0.1", True),
        ("application/json, text/event-stream", False),
        ("text/event-stream;q=0.5, application/json", False),
        ("text/event-stream; q=0.5, application/json; q=0.4", True),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=0, */*", False),
        ("text/*", True),
        ("text/html, image/png", False),
        ("text/event-stream;q=high, application/json;q=0.1", False),
    ],
)
def test_json_is_given_unless_a_stream_ranks_higher(accept: str | None, expected: bool) -> None:
    assert prefers_event_stream(accept) is expected


@given(st.text())
def test_no_accept_header_confuses_the_negotiation(accept: str) -> None:
    assert prefers_event_stream(accept) in {True, False}


async def test_the_accept_header_decides_the_shape(door: Door) -> None:
    shapes = {"*/*": "application/json", "text/event-stream, application/json;q=0.2": "text/event-stream"}
    for accept, media_type in shapes.items():
        response = await door.stream(accept=accept)
        assert response.headers["content-type"].startswith(media_type)
