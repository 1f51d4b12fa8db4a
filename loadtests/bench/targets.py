"""The systems to compare: programs that turn an image into a report, each with its clients."""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

import httpx

from serve_app import client
from serve_app.domain.report import Report, SectionDelta
from serve_app.domain.study import Study, StudyImage
from serve_app.ports import Engine, ImagePreparer
from serve_app.reasoning.local import local_call, local_reporter
from serve_app.settings import Settings

_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One report as its caller received it.

    `first_token_s` counts from the request, including preparation; None without streaming. `turns_s` are the times to
    the first token of the two turns, each from its own submission.
    """

    number: int
    report_s: float
    completion_tokens: int
    text: str
    first_token_s: float | None = None
    turns_s: tuple[float, ...] = ()


class Target(ABC):
    """A system that makes reports. Everything else it needs is already up."""

    async def start(self) -> None:  # noqa: B027 - most have nothing to do
        """Start the target."""

    async def preload(self, films: list[bytes]) -> None:  # noqa: B027
        """Receive a round's images before it is timed."""

    @abstractmethod
    async def report(self, number: int, film: bytes) -> Sample:
        """Make one report and time it."""

    async def stop(self) -> None:  # noqa: B027
        """Stop the target."""


class InProcess(Target):
    """Preparation, two turns and an engine in one process, without Ray and HTTP."""

    def __init__(self, preparer: ImagePreparer, engine: Engine) -> None:
        self._engine = engine
        self._reporter = local_reporter(Settings(), engine, preparer)

    async def start(self) -> None:
        """Load the model."""
        await self._engine.start()

    async def report(self, number: int, film: bytes) -> Sample:
        """Make one report in this process."""
        started, first_token_s = time.perf_counter(), None
        study = Study((StudyImage(film),))
        async for event in self._reporter.report(local_call("bench", _TIMEOUT_S), study, f"bench-{number}"):
            if first_token_s is None and isinstance(event, SectionDelta):
                first_token_s = time.perf_counter() - started
            if isinstance(event, Report):
                return Sample(
                    number,
                    time.perf_counter() - started,
                    sum(turn.usage.completion_tokens for turn in event.turns),
                    f"{event.findings.text}\n\n{event.impression.text}",
                    first_token_s,
                    tuple(turn.first_token_s for turn in event.turns),
                )
        raise RuntimeError("no report")

    async def stop(self) -> None:
        """Release the model."""
        await self._engine.stop()


class OverHttp(Target):
    """A program that is called over HTTP, with as many connections as clients."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, timeout=_TIMEOUT_S, trust_env=False, limits=httpx.Limits(max_connections=None)
        )

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class Platform(Target):
    """The platform, through its public API."""

    def __init__(self, url: str) -> None:
        self._client = client.AsyncClient(url, max_retries=0)

    async def report(self, number: int, film: bytes) -> Sample:
        """Request one report from the platform."""
        started, first_token_s = time.perf_counter(), None
        async with self._client.stream(film, deadline_s=_TIMEOUT_S) as events:
            async for event in events:
                if first_token_s is None and isinstance(event, client.SectionDelta):
                    first_token_s = time.perf_counter() - started
                if isinstance(event, client.ReportDone):
                    return _sample(number, time.perf_counter() - started, event.report, first_token_s)
        raise RuntimeError("no report")

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _sample(number: int, report_s: float, report: client.ReportBody, first_token_s: float | None) -> Sample:
    return Sample(
        number,
        report_s,
        sum(turn.completion_tokens for turn in report.turns),
        f"{report.findings.text}\n\n{report.impression.text}",
        first_token_s,
        tuple(turn.first_token_s for turn in report.turns),
    )
