"""A call is repeated when that can help, not before the server asked for it, and never beyond the deadline."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from serve_app.api.examples import report_example
from serve_app.client import AsyncClient, DeadlineExceeded, IncompleteAnswer, ProblemError, Unreachable
from serve_app.client.retries import Retries, retry_after_s
from serve_app.client.schemas import Problem

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
REPORT = report_example()


def busy(status: int = 503, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": "overloaded", "detail": "wait"}, headers=headers)


def problem(status: int, asked_s: float | None = None, code: str = "c") -> ProblemError:
    document = Problem(type="t", title="t", status=status, detail="d", code=code, request_id="r")
    return ProblemError(document, asked_s)


@pytest.fixture
def slept_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let no time pass; keep what was asked for."""
    slept: list[float] = []
    real = asyncio.sleep

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)
        await real(0)

    monkeypatch.setattr("serve_app.client.asynchronous.asyncio.sleep", sleep)
    return slept


def answering(*answers: httpx.Response | Exception) -> tuple[Callable[..., AsyncClient], list[httpx.Request]]:
    """Make clients that get one answer after the other, and a list of what they asked."""
    left, asked = list(answers), list[httpx.Request]()

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return lambda **options: AsyncClient("http://there", transport=httpx.MockTransport(handle), **options), asked


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0", 0.0),
        ("Fri, 27 Nov 2026 12:00:09 GMT", 9.0),
        ("Fri, 27 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOW) == seconds


@pytest.mark.parametrize("failure", [problem(429), problem(503), Unreachable("nobody")])
def test_what_may_help_is_repeated_twice_with_growing_waits(failure: Unreachable | ProblemError) -> None:
    first, second, third = (Retries().wait_s(number, failure) for number in (1, 2, 3))
    assert first is not None and second is not None
    assert 0.5 <= first < second <= 1.1
    assert third is None


@pytest.mark.parametrize(
    "failure",
    [problem(500), problem(504), problem(422), problem(503, code="drafting-stopped"), IncompleteAnswer("cut")],
)
def test_what_cannot_help_is_not_repeated(failure: IncompleteAnswer | ProblemError) -> None:
    assert Retries().wait_s(1, failure) is None


def test_clients_turned_away_together_do_not_come_back_together() -> None:
    waits = {Retries().wait_s(1, problem(503, 4.0)) for _ in range(50)}
    assert len(waits) > 1
    assert all(wait_s is not None and 4.0 <= wait_s <= 4.4 for wait_s in waits)


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_obeyed_and_the_film_sent_again(status: int, slept_s: list[float]) -> None:
    client, asked = answering(busy(status, **{"Retry-After": "6"}), httpx.Response(200, json=REPORT))
    async with client() as one:
        report = await one.report(b"FILM", age=63)

    assert report.id == REPORT["id"]
    assert len(slept_s) == 1 and 6.0 <= slept_s[0] <= 6.6
    assert all(b"FILM" in request.content and b"63" in request.content for request in asked)
    assert asked[0].headers["x-request-id"] == asked[1].headers["x-request-id"]


async def test_a_stream_that_was_turned_away_is_asked_for_again(slept_s: list[float]) -> None:
    from tests.unit.client.conftest import stream_bytes

    stream = httpx.Response(200, content=stream_bytes(), headers={"Content-Type": "text/event-stream"})
    client, _ = answering(busy(), httpx.ConnectError("refused"), stream)
    async with client() as one:
        assert len([event async for event in one.stream(b"FILM")]) == 6
    assert len(slept_s) == 2


async def test_the_number_of_retries_is_bounded(slept_s: list[float]) -> None:
    client, asked = answering(*[busy() for _ in range(9)])
    async with client(max_retries=3) as one:
        with pytest.raises(ProblemError) as failure:
            await one.report(b"FILM")
    assert failure.value.code == "overloaded"
    assert len(asked) == 4 and len(slept_s) == 3


async def test_without_retries_the_first_answer_counts(slept_s: list[float]) -> None:
    client, asked = answering(busy(**{"Retry-After": "1"}))
    async with client(max_retries=0) as one:
        with pytest.raises(ProblemError) as failure:
            await one.report(b"FILM")
    assert failure.value.retry_after_s == 1.0
    assert (len(asked), slept_s) == (1, [])


async def test_a_wait_beyond_the_deadline_is_not_begun(slept_s: list[float]) -> None:
    client, asked = answering(busy(**{"Retry-After": "60"}))
    async with client() as one:
        with pytest.raises(ProblemError):
            await one.report(b"FILM", deadline_s=30)
    assert (len(asked), slept_s) == (1, [])


async def test_a_report_that_failed_once_begun_is_not_begun_again(slept_s: list[float]) -> None:
    error = b'event: error\ndata: {"code": "engine-gone", "detail": "gone", "status": 503}\n\n'
    client, asked = answering(httpx.Response(200, content=error, headers={"Content-Type": "text/event-stream"}))
    async with client() as one:
        with pytest.raises(ProblemError):
            await anext(one.stream(b"FILM"))
    assert (len(asked), slept_s) == (1, [])


async def test_readiness_asks_once(slept_s: list[float]) -> None:
    client, asked = answering(httpx.ConnectError("refused"))
    async with client() as one:
        with pytest.raises(Unreachable, match="http://there"):
            await one.readiness()
    assert (len(asked), slept_s) == (1, [])


async def test_the_deadline_covers_the_waits_between_attempts() -> None:
    client, _ = answering(*[busy() for _ in range(9)])
    async with client() as one:
        with pytest.raises((ProblemError, DeadlineExceeded)):
            async with asyncio.timeout(2):
                await one.report(b"FILM", deadline_s=0.6)
