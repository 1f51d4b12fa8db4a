"""The synchronous client against the real door on a real socket."""

import asyncio
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from serve_app.api.examples import report_example
from serve_app.client import (
    Client,
    DeadlineExceeded,
    Prepared,
    ProblemError,
    ReportBody,
    ReportDone,
    SectionDelta,
    Unreachable,
)
from serve_app.domain.errors import NotAChestXray
from tests.api.conftest import FILM, Door, ScriptedReporter, open_door
from tests.unit.client.conftest import PROMPTLY_S, served, wait_until

REPORT = ReportBody.model_validate(report_example())


def test_reports_streams_and_the_service_are_asked(door: Door) -> None:
    with served(door.app) as url, Client(url) as client:
        assert client.report(FILM, sex="nam", age=63, view="PA") == REPORT
        with client.stream(io.BytesIO(FILM), request_id="visit-7") as events:
            assert list(events)[-1] == ReportDone(REPORT)
            assert events.request_id == "visit-7"
        assert client.version().engine == "vllm"
        assert client.readiness().status == "ready"

    assert [sent.images[0].data for _, sent, _ in door.reporter.asked] == [FILM, FILM]


def test_a_refusal_is_a_problem() -> None:
    door = open_door(ScriptedReporter([], NotAChestXray()))
    with served(door.app) as url, Client(url) as client, pytest.raises(ProblemError) as failure:
        client.report(FILM)
    assert failure.value.code == "not-a-chest-xray"


def test_one_client_serves_many_threads(door: Door) -> None:
    with served(door.app) as url, Client(url) as client, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: client.report(FILM), range(24))) == [REPORT] * 24


async def test_it_works_where_an_event_loop_runs_already(door: Door) -> None:
    assert asyncio.get_running_loop()
    with served(door.app) as url, Client(url) as client:
        assert client.report(FILM) == REPORT


@pytest.mark.parametrize("ending", ["break", "close", "with", "del"])
def test_giving_up_a_stream_stops_the_server_at_once(ending: str) -> None:
    door = open_door(ScriptedReporter(hangs_after=2))
    with served(door.app) as url, Client(url) as client:
        match ending:
            case "break":
                for event in client.stream(FILM):
                    if isinstance(event, SectionDelta):
                        break
            case "close":
                events = client.stream(FILM)
                next(events)
                events.close()
            case "with":
                with client.stream(FILM) as events:
                    next(events)
            case "del":
                events = client.stream(FILM)
                next(events)
                del events
        wait_until(door.reporter.closed.is_set)
        wait_until(lambda: door.outcomes == ["client_gone"])


@pytest.mark.parametrize("hangs_after", [0, 2])
@pytest.mark.parametrize("way", ["report", "stream"])
def test_the_deadline_ends_the_call_and_the_servers_work(way: str, hangs_after: int) -> None:
    door = open_door(ScriptedReporter(hangs_after=hangs_after))
    with served(door.app) as url, Client(url) as client:
        started_s = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"within the 0\.4 s"):
            client.report(FILM, deadline_s=0.4) if way == "report" else list(client.stream(FILM, deadline_s=0.4))
        assert 0.4 <= time.monotonic() - started_s < 0.4 + PROMPTLY_S / 2
        wait_until(door.reporter.closed.is_set)


def test_a_stream_that_never_pauses_keeps_the_deadline_too() -> None:
    door = open_door(ScriptedReporter(ScriptedReporter().events[:2] * 500, slow_s=0.01))
    with served(door.app) as url, Client(url) as client:
        events = client.stream(FILM, deadline_s=0.5)
        with pytest.raises(DeadlineExceeded):
            for _ in events:
                pass
        wait_until(door.reporter.closed.is_set)


def test_a_deadline_that_passes_between_two_events_counts() -> None:
    door = open_door(ScriptedReporter(hangs_after=1))
    with served(door.app) as url, Client(url) as client:
        events = client.stream(FILM, deadline_s=0.3)
        assert isinstance(next(events), Prepared)
        time.sleep(0.4)
        with pytest.raises(DeadlineExceeded):
            next(events)
        wait_until(door.reporter.closed.is_set)


def test_nothing_is_sent_before_the_first_event_is_asked_for() -> None:
    door = open_door()
    with served(door.app) as url, Client(url) as client:
        client.stream(FILM).close()
    assert door.reporter.asked == []


def test_an_interrupted_wait_stops_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    door = open_door(ScriptedReporter(hangs_after=0))
    real = asyncio.run_coroutine_threadsafe

    class Interrupted:
        def __init__(self, future: object) -> None:
            self._future = future

        def result(self) -> None:
            wait_until(door.reporter.hanging.is_set)
            raise KeyboardInterrupt

        def cancel(self) -> None:
            self._future.cancel()

    with served(door.app) as url, Client(url) as client:
        with monkeypatch.context() as patch:
            patch.setattr(asyncio, "run_coroutine_threadsafe", lambda *work: Interrupted(real(*work)))
            with pytest.raises(KeyboardInterrupt):
                client.report(FILM)
        wait_until(door.reporter.closed.is_set)


def test_closing_ends_the_thread_and_may_be_repeated() -> None:
    before = set(threading.enumerate())
    client = Client("http://127.0.0.1:1", max_retries=0)
    with pytest.raises(Unreachable):
        client.readiness()
    client.close()
    client.close()
    assert set(threading.enumerate()) <= before
