"""The chain of thought: findings from the image, then the impression from image, question and findings.

Knows the ports only; images and models may be in this process or in another.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass

from serve_app.domain.conversation import (
    Dialogue,
    Finished,
    FollowUp,
    GenerationRequest,
    Principal,
    Role,
    Sampling,
    TokenDelta,
    Turn,
)
from serve_app.domain.errors import DeadlineExceeded, EngineGone
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import (
    Prepared,
    Report,
    ReportEvent,
    ReportRequest,
    Section,
    SectionDelta,
    SectionDone,
    SectionName,
    TurnRecord,
)
from serve_app.domain.study import Patient
from serve_app.ports import ChatModel, DialogueEvent, ImagePreparer, ModelCard
from serve_app.reasoning.parse import parse_section
from serve_app.reasoning.prompts import PROMPTS, PromptSet
from serve_app.settings import OrchestratorSettings
from serve_app.streams import until

Observe = Callable[[str, float], None]
"""Called with a stage's name and its duration in seconds."""


class TwoTurnReporter:
    """Implements the `Reporter` port over an image preparer and a model."""

    def __init__(
        self,
        preparer: ImagePreparer,
        model: ChatModel,
        settings: OrchestratorSettings,
        observe: Observe = lambda stage, duration_s: None,
    ) -> None:
        self._preparer = preparer
        self._model = model
        self._settings = settings
        self._observe = observe
        self._prompts: PromptSet = PROMPTS[settings.prompt_version]

    async def report(self, request: ReportRequest, principal: Principal) -> AsyncGenerator[ReportEvent]:
        """Stream one report; see `ports.Reporter`."""
        started = time.monotonic()
        created_unix_s = time.time()
        deadline_unix_s = min(request.deadline_unix_s or float("inf"), created_unix_s + self._settings.deadline_s)
        image = await self._prepared(request, deadline_unix_s)
        preparation_s = time.monotonic() - started
        self._observe("prepare", preparation_s)
        yield Prepared(request.report_id, image.digest, image.source, image.gate)

        questions = self._questions(request.patient)
        transcript = _Transcript(questions, self._observe)
        dialogue = _dialogue(questions, request.report_id, image, principal, deadline_unix_s)
        async with contextlib.aclosing(self._model.converse(dialogue)) as events:
            # The engine has the same deadline; its node may be gone without a word.
            async for event in until(events, deadline_unix_s):
                for heard in transcript.hear(event):
                    yield heard
        card = transcript.require_whole()

        yield Report(
            id=request.report_id,
            created_unix_s=created_unix_s,
            patient=request.patient,
            source=image.source,
            gate=image.gate,
            digest=image.digest,
            findings=transcript.sections[SectionName.FINDINGS],
            impression=transcript.sections[SectionName.IMPRESSION],
            turns=tuple(transcript.records),
            preparation_s=preparation_s,
            duration_s=time.monotonic() - started,
            model=self._named(card.model),
            prompt_version=self._prompts.version,
        )

    async def _prepared(self, request: ReportRequest, deadline_unix_s: float) -> Radiograph:
        try:
            async with asyncio.timeout(deadline_unix_s - time.time()):
                return await self._preparer.prepare(request.image, has_override=request.has_override)
        except TimeoutError as error:
            raise DeadlineExceeded("the report was not finished before its deadline") from error

    def _questions(self, patient: Patient) -> tuple["_Question", "_Question"]:
        settings = self._settings
        return (
            _Question(
                SectionName.FINDINGS,
                self._prompts.findings_question(patient),
                settings.max_findings_tokens,
                settings.findings_adapter,
            ),
            _Question(
                SectionName.IMPRESSION,
                self._prompts.impression_question(),
                settings.max_impression_tokens,
                settings.impression_adapter,
            ),
        )

    def _named(self, model: str) -> str:
        """Name the model with the adapters that answered: another adapter is another model."""
        adapters = (self._settings.findings_adapter, self._settings.impression_adapter)
        return "+".join([model, *(adapter for adapter in dict.fromkeys(adapters) if adapter)])


@dataclass(frozen=True, slots=True)
class _Question:
    section: SectionName
    text: str
    max_tokens: int
    adapter: str | None

    @property
    def sampling(self) -> Sampling:
        return Sampling(max_tokens=self.max_tokens)


def _dialogue(
    questions: tuple[_Question, ...], report_id: str, image: Radiograph, principal: Principal, deadline_unix_s: float
) -> Dialogue:
    first, *others = questions
    return Dialogue(
        GenerationRequest(
            request_id=f"{report_id}-{first.section}",
            turns=(Turn(Role.USER, first.text, (image,)),),
            sampling=first.sampling,
            principal=principal,
            deadline_unix_s=deadline_unix_s,
            adapter=first.adapter,
        ),
        tuple(FollowUp(f"{report_id}-{one.section}", one.text, one.sampling, one.adapter) for one in others),
    )


class _Transcript:
    """What the model has said so far; a turn begins when the one before it is complete."""

    def __init__(self, questions: tuple[_Question, ...], observe: Observe) -> None:
        self._waiting = list(questions)
        self._observe = observe
        self._card: ModelCard | None = None
        self.sections: dict[SectionName, Section] = {}
        self.records: list[TurnRecord] = []
        self._begin()

    def _begin(self) -> None:
        self._started = time.monotonic()
        self._text = ""
        self._first_token_s: float | None = None

    def hear(self, event: DialogueEvent) -> Iterator[SectionDelta | SectionDone]:
        """Note an event, and pass on what a reader of the report wants to know of it."""
        if isinstance(event, ModelCard):
            self._card = event
            return
        question = self._waiting[0]
        if isinstance(event, TokenDelta):
            if self._first_token_s is None:
                self._first_token_s = time.monotonic() - self._started
            if event.text:
                self._text += event.text
                yield SectionDelta(question.section, event.text)
        else:
            yield SectionDone(question.section, self._finish(self._waiting.pop(0), event))

    def _finish(self, question: _Question, finished: Finished) -> Section:
        duration_s = time.monotonic() - self._started
        first_token_s = duration_s if self._first_token_s is None else self._first_token_s
        section = parse_section(self._text, finished.reason)
        self.sections[question.section] = section
        self.records.append(TurnRecord(question.section, question.text, finished.usage, first_token_s, duration_s))
        self._observe(question.section, duration_s)
        self._begin()
        return section

    def require_whole(self) -> ModelCard:
        """Say who answered; raise EngineGone unless every question was answered to its end."""
        if self._waiting or self._card is None:
            raise EngineGone("the model engine ended its answer without saying so")
        return self._card
