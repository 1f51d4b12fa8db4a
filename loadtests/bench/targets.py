"""The systems to compare: programs that turn an image into a report, each with its clients."""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

import httpx

from serve_app import client
from serve_app.domain.call import Call
from serve_app.domain.conversation import GenerationRequest, Sampling, TokenDelta, Turn
from serve_app.domain.study import Patient, StudyImage
from serve_app.ports import Engine, ImagePreparer
from serve_app.reasoning.local import local_call
from serve_app.reasoning.prompts import PROMPTS
from serve_app.reasoning.script import questions, turns
from serve_app.settings import Settings

_TIMEOUT_S = 600.0
_SETTINGS = Settings().orchestrator
ASKED = questions(PROMPTS[_SETTINGS.prompt_version], Patient())
LIMITS_TOKENS = (_SETTINGS.max_findings_tokens, _SETTINGS.max_impression_tokens)
"""Maximum number of tokens of each turn."""


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
    """The two turns on an engine in this process, as a simple program: no check of the draft, no Ray, no HTTP."""

    def __init__(self, preparer: ImagePreparer, engine: Engine) -> None:
        self._preparer = preparer
        self._engine = engine

    async def start(self) -> None:
        """Load the model."""
        await self._engine.start()

    async def report(self, number: int, film: bytes) -> Sample:
        """Make one report in this process."""
        started = time.perf_counter()
        call = local_call("bench", _TIMEOUT_S)
        image = await self._preparer.prepare(call, StudyImage(film, is_confirmed=True))
        prepared_s = time.perf_counter() - started
        first = await self._answer(call, f"bench-{number}-1", turns(ASKED, (image,)), LIMITS_TOKENS[0])
        conversation = turns(ASKED, (image,), [first.text])
        second = await self._answer(call, f"bench-{number}-2", conversation, LIMITS_TOKENS[1])
        return Sample(
            number,
            time.perf_counter() - started,
            first.num_tokens + second.num_tokens,
            f"{first.text}\n\n{second.text}",
            prepared_s + first.first_token_s,
            (first.first_token_s, second.first_token_s),
        )

    async def _answer(self, call: Call, request_id: str, conversation: tuple[Turn, ...], max_tokens: int) -> "_Answer":
        started, answer = time.perf_counter(), _Answer()
        request = GenerationRequest(request_id, conversation, Sampling(max_tokens))
        async for event in self._engine.generate(call, request):
            answer.first_token_s = answer.first_token_s or time.perf_counter() - started
            if isinstance(event, TokenDelta):
                answer.text += event.text
            else:
                answer.num_tokens = event.usage.completion_tokens
        return answer

    async def stop(self) -> None:
        """Release the model."""
        await self._engine.stop()


@dataclass(slots=True)
class _Answer:
    text: str = ""
    num_tokens: int = 0
    first_token_s: float = 0.0


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
        async with self._client.stream(film, confirm=True, deadline_s=_TIMEOUT_S) as events:
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
