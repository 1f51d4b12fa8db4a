"""The two things that are compared: vLLM in this process, and the platform over HTTP."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import httpx
from httpx_sse import aconnect_sse

from serve_app.domain.conversation import Principal
from serve_app.domain.report import Report, ReportRequest, SectionDelta
from serve_app.domain.study import Patient
from serve_app.imaging.preparer import LocalPreparer
from serve_app.reasoning.two_turn import TwoTurnReporter
from serve_app.settings import Settings


@dataclass(frozen=True, slots=True)
class Sample:
    """One report as its caller saw it: the film's number, its cost in seconds from the request, and what it says."""

    number: int
    first_token_s: float
    report_s: float
    completion_tokens: int
    text: str


class Target(Protocol):
    """Something that makes reports."""

    async def report(self, number: int, film: bytes) -> Sample:
        """Make one report and time it."""
        ...


class InProcess:
    """Preparation, two turns and vLLM in one process, without Ray and HTTP: what the platform is measured by."""

    def __init__(self, reporter: TwoTurnReporter) -> None:
        self._reporter = reporter

    async def report(self, number: int, film: bytes) -> Sample:
        """Make one report here."""
        started, first_token_s = time.perf_counter(), None
        async for event in self._reporter.report(ReportRequest(f"bench-{number}", film, Patient()), Principal()):
            if first_token_s is None and isinstance(event, SectionDelta):
                first_token_s = time.perf_counter() - started
            if isinstance(event, Report):
                tokens = sum(turn.usage.completion_tokens for turn in event.turns)
                text = f"{event.findings.text}\n\n{event.impression.text}"
                return Sample(number, first_token_s or 0.0, time.perf_counter() - started, tokens, text)
        raise RuntimeError("no report")


class OverHttp:
    """The platform, through its door."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def report(self, number: int, film: bytes) -> Sample:
        """Make one report there."""
        started, first_token_s = time.perf_counter(), None
        request = aconnect_sse(self._client, "POST", "/v1/reports", files={"image": film})
        async with request as source:
            async for event in source.aiter_sse():
                if first_token_s is None and event.event == "findings.delta":
                    first_token_s = time.perf_counter() - started
                if event.event == "report":
                    report = event.json()
                    tokens = sum(turn["completion_tokens"] for turn in report["turns"])
                    text = f"{report['findings']['text']}\n\n{report['impression']['text']}"
                    return Sample(number, first_token_s or 0.0, time.perf_counter() - started, tokens, text)
        raise RuntimeError("no report")


@asynccontextmanager
async def in_process(settings: Settings) -> AsyncIterator[InProcess]:
    """Start vLLM here for as long as the context lasts."""
    from serve_app.engines.vllm_engine import VllmEngine

    engine = VllmEngine(settings.model, settings.engine, settings.preprocessor.max_visual_tokens)
    await engine.start()
    try:
        yield InProcess(TwoTurnReporter(LocalPreparer(settings.preprocessor), engine, settings.orchestrator))
    finally:
        await engine.stop()


@asynccontextmanager
async def over_http(url: str) -> AsyncIterator[OverHttp]:
    """Reach a running platform."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=300, trust_env=False, limits=limits) as client:
        yield OverHttp(client)
