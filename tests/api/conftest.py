"""The door with a scripted reporter behind it: in process, or on a real socket."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from serve_app.access.local import LocalAuthenticator
from serve_app.admission.quotas import Quotas
from serve_app.admission.reporter import WaitingReporter
from serve_app.admission.slots import FairSlots
from serve_app.api.examples import EVENTS, READY, VERSION
from serve_app.api.factory import Ports, create_api
from serve_app.cluster.environment import log_to_serve
from serve_app.domain.call import Call
from serve_app.domain.metric import Metric
from serve_app.domain.report import Report, ReportEvent
from serve_app.domain.service import Readiness, ServiceVersion
from serve_app.domain.study import Study
from serve_app.ports import AnswerStore, Authenticator, KeyStore
from serve_app.settings import AccessSettings, AdmissionSettings, GatewaySettings
from serve_app.telemetry.metrics import REPORTS

FILM = b"\x89PNG these bytes are the reporter's business"


@dataclass
class ScriptedReporter:
    """Yields its events, `slow_s` apart, then raises, hangs or ends; remembers what it was asked, and its closing."""

    events: Sequence[ReportEvent] = EVENTS
    error: BaseException | None = None
    hangs_after: int | None = None
    slow_s: float = 0
    asked: list[tuple[Call, Study, str]] = field(default_factory=list)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncIterator[ReportEvent]:
        """Play the script."""
        self.asked.append((call, study, report_id))
        try:
            for index, event in enumerate(self.events):
                if index == self.hangs_after:
                    self.hanging.set()
                    await asyncio.Event().wait()
                yield event
                await asyncio.sleep(self.slow_s)
            if self.error is not None:
                raise self.error
        finally:
            # A clean-up that awaits, as aborting an engine does: it must not be cancelled a second time.
            await asyncio.sleep(0.01)
            self.closed.set()


@dataclass
class Door:
    """The application under test and everything it was given or told."""

    app: FastAPI
    reporter: ScriptedReporter
    outcomes: list[str]

    def client(self) -> httpx.AsyncClient:
        """Open a client that talks to the application in process."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://clara")

    async def post(self, path: str = "/v1/reports", *, image: bytes = FILM, **fields: str) -> httpx.Response:
        """Post one film as a form."""
        async with self.client() as client:
            return await client.post(path, files={"image": ("film.png", image)}, data=fields)

    async def stream(self, *, accept: str = "text/event-stream", **fields: str) -> httpx.Response:
        """Post one film and read the whole event stream."""
        async with self.client() as client:
            return await client.post(
                "/v1/reports", files={"image": ("film.png", FILM)}, data=fields, headers={"Accept": accept}
            )


async def ready() -> Readiness:
    """Be ready."""
    return READY


async def describe() -> ServiceVersion:
    """Be the example."""
    return VERSION


@dataclass
class ScriptedService:
    """Says of itself what it is given."""

    readiness: Callable[[], Awaitable[Readiness]]
    describe: Callable[[], Awaitable[ServiceVersion]]


@dataclass
class Outcomes:
    """Keeps how requests ended."""

    seen: list[str]

    def count(self, metric: Metric, number: int = 1, **labels: str) -> None:
        """Note an outcome."""
        assert (metric, number) == (REPORTS, 1)
        self.seen.append(labels["outcome"])

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Nothing is timed at the door."""
        raise AssertionError(metric)


def open_door(
    reporter: ScriptedReporter | None = None,
    settings: GatewaySettings | None = None,
    readiness: Callable[[], Awaitable[Readiness]] = ready,
    described: Callable[[], Awaitable[ServiceVersion]] = describe,
    authenticator: Authenticator | None = None,
    keys: KeyStore | None = None,
    answers: AnswerStore | None = None,
    admission: AdmissionSettings | None = None,
    num_slots: int = 1000,
) -> Door:
    """Make a door with one thing different from the usual."""
    reporter = reporter or ScriptedReporter()
    outcomes: list[str] = []
    settings, admission = settings or GatewaySettings(), admission or AdmissionSettings()
    slots = FairSlots(admission, num_slots)
    ports = Ports(
        reporter=WaitingReporter(reporter, slots, observe=lambda _: None),
        service=ScriptedService(readiness, described),
        metrics=Outcomes(outcomes),
        authenticator=authenticator or LocalAuthenticator(),
        quotas=Quotas(settings, admission),
        slots=slots,
        answers=answers,
        keys=keys,
    )
    app = create_api(ports, settings, AccessSettings())
    return Door(app, reporter, outcomes)


@pytest.fixture
def door() -> Door:
    """Open a door behind which all is well."""
    return open_door()


@pytest.fixture
def replica_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """Catch Serve's own logger as well: only its lines reach a replica's log, and Ray keeps them from others.

    What our loggers emit is caught because a replica sends it to Serve's, as here.
    """
    serves_own, ours = logging.getLogger("ray.serve"), logging.getLogger("serve_app")
    monkeypatch.setattr(ours, "parent", ours.parent)
    log_to_serve()
    monkeypatch.setattr(serves_own, "handlers", [caplog.handler])
    monkeypatch.setattr(serves_own, "propagate", False)
    caplog.set_level(logging.DEBUG, serves_own.name)
    caplog.set_level(logging.DEBUG)
    return caplog


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def listening(app: ASGIApp, **options: Any) -> AsyncIterator[str]:
    """Serve an application on a free port of this machine, with options of uvicorn's; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(
            uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1, **options)
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:  # noqa: ASYNC110 - uvicorn has a flag, no event
                await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


def example_report() -> Report:
    """Give the report that the usual script ends with."""
    report = EVENTS[-1]
    assert isinstance(report, Report)
    return report
