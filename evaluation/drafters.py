"""Where drafts come from: the platform by its HTTP API, or the same reporter in this process.

Knows nothing about references or scores.
"""

from dataclasses import asdict, dataclass
from typing import Any, Protocol

from evaluation.predictions import Text
from serve_app.client import AsyncClient, ClientError, ProblemError, UnexpectedAnswer, Unreachable
from serve_app.domain.errors import ClaraError, EngineGone
from serve_app.domain.report import Report
from serve_app.domain.study import Patient, Study, StudyImage, View
from serve_app.ports import Engine, Reporter
from serve_app.reasoning.local import local_call

# Longer than any report; what hangs fails.
_TIMEOUT_S = 600.0


class DraftFailed(Exception):
    """No draft of this study; `code` is the error's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class DrafterGone(Exception):
    """No draft of any further study can be had; the message says why."""


@dataclass(frozen=True, slots=True)
class DrafterCard:
    """What makes drafts comparable: model, engine, prompts."""

    model: str
    engine: str
    engine_version: str
    prompt_version: str

    def as_header(self) -> dict[str, Any]:
        return asdict(self)


class Drafter(Protocol):
    """An image and a patient in, a draft out."""

    async def describe(self) -> DrafterCard:
        """Say what drafts.

        Raises:
            DrafterGone: nothing answers.
        """
        ...

    async def draft(self, image: bytes, patient: Patient, view: View | None = None) -> Text:
        """Draft one report.

        Raises:
            DraftFailed: not of this study. DrafterGone: of none any more.
        """
        ...


class ReporterDrafter:
    """Drafts in this process, with the reporter that the platform uses."""

    def __init__(self, reporter: Reporter, engine: Engine, prompt_version: str) -> None:
        self._reporter = reporter
        self._engine = engine
        self._prompt_version = prompt_version

    async def describe(self) -> DrafterCard:
        """Say what drafts; see `Drafter`."""
        card = await self._engine.describe()
        return DrafterCard(card.model, card.engine, card.engine_version, self._prompt_version)

    async def draft(self, image: bytes, patient: Patient, view: View | None = None) -> Text:
        """Draft one report; see `Drafter`. An engine that died here stays dead."""
        call, study = local_call("evaluation", _TIMEOUT_S), Study((StudyImage(image, view),), patient)
        try:
            events = [event async for event in self._reporter.report(call, study, f"rpt_{call.request_id}")]
        except EngineGone as error:
            raise DrafterGone(error.message) from error
        except ClaraError as error:
            raise DraftFailed(error.code) from error
        report = events[-1]
        if not isinstance(report, Report):
            raise DraftFailed("incomplete")
        return Text(
            report.findings.text, report.impression.text, report.findings.status.value, report.impression.status.value
        )


class PlatformDrafter:
    """Drafts through the HTTP API of a running platform."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def describe(self) -> DrafterCard:
        """Say what drafts; see `Drafter`."""
        try:
            told = await self._client.version()
        except ProblemError as error:
            status = error.problem.status
            raise DrafterGone(f"{self._client.url} answers {status}: is an engine up, and not at zero?") from error
        except UnexpectedAnswer as error:
            raise DrafterGone(f"{self._client.url} does not answer as the platform does") from error
        except ClientError as error:
            raise DrafterGone(str(error)) from error
        return DrafterCard(told.model, told.engine, told.engine_version, told.prompt_version)

    async def draft(self, image: bytes, patient: Patient, view: View | None = None) -> Text:
        """Draft one report; see `Drafter`."""
        age = None if patient.age is None else str(patient.age)
        try:
            report = await self._client.report(image, sex=patient.sex, age=age, view=view)
        except Unreachable as error:
            raise DrafterGone(f"no answer from {self._client.url}: is the platform still up?") from error
        except ClientError as error:
            raise DraftFailed(error.code) from error
        findings, impression = report.findings, report.impression
        return Text(findings.text, impression.text, findings.status.value, impression.status.value)
