"""The chain of thought: findings from the images, then the impression from images, question and findings.

Knows the ports only; images and models may be in this process or in another.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

from serve_app.domain.call import Call
from serve_app.domain.conversation import Dialogue, Finished, FollowUp, GenerationRequest, Sampling, TokenDelta
from serve_app.domain.errors import DeadlineExceeded, EngineGone, UnsupportedStudy
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import (
    Concern,
    Prepared,
    Report,
    ReportEvent,
    Section,
    SectionDelta,
    SectionDone,
    SectionName,
    TurnRecord,
)
from serve_app.domain.study import Study
from serve_app.ports import ChatModel, DialogueEvent, ImagePreparer, ModelCard
from serve_app.reasoning.check import DraftCheck
from serve_app.reasoning.identity import identify
from serve_app.reasoning.parse import parse_section
from serve_app.reasoning.prompts import PROMPTS, PromptSet
from serve_app.reasoning.script import Question, questions, turns
from serve_app.settings import OrchestratorSettings, or_none
from serve_app.streams import together, until

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

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        """Stream one report; see `ports.Reporter`."""
        started = time.monotonic()
        created_unix_s = time.time()
        _require_expressible(study)
        images = await self._prepared(call, study)
        identity = identify(study, images)
        preparation_s = time.monotonic() - started
        self._observe("prepare", preparation_s)
        yield Prepared(report_id, identity.images)

        asked = questions(self._prompts, identity.patient, [image.view for image in identity.images])
        transcript = _Transcript(asked, DraftCheck(has_prior=study.has_prior), self._observe)
        dialogue = self._dialogue(asked, report_id, images)
        async with contextlib.aclosing(self._model.converse(call, dialogue)) as events:
            # The engine has the same deadline; its node may be gone without a word.
            async for event in until(events, call.deadline_unix_s):
                for passed_on in transcript.add(event):
                    yield passed_on
        card = transcript.require_whole()

        yield Report(
            id=report_id,
            created_unix_s=created_unix_s,
            patient=identity.patient,
            images=identity.images,
            findings=transcript.sections[SectionName.FINDINGS],
            impression=transcript.sections[SectionName.IMPRESSION],
            turns=tuple(transcript.records),
            preparation_s=preparation_s,
            duration_s=time.monotonic() - started,
            model=self._named(card.model),
            prompt_version=self._prompts.version,
            concerns=tuple(transcript.concerns),
            sex_origin=identity.sex_origin,
            age_origin=identity.age_origin,
            trained_views=card.trained_views,
            num_trained_images=self._prompts.num_images,
            model_digest=card.digest,
        )

    async def _prepared(self, call: Call, study: Study) -> tuple[Radiograph, ...]:
        """Prepare all images at once; the first that cannot be prepared stops the others."""
        try:
            async with asyncio.timeout(call.deadline_unix_s - time.time()):
                return await together(self._preparer.prepare(call, image) for image in study.images)
        except TimeoutError as error:
            raise DeadlineExceeded("the report was not finished before its deadline") from error

    def _dialogue(self, asked: Sequence[Question], report_id: str, images: tuple[Radiograph, ...]) -> Dialogue:
        opening, *others = (self._follow_up(question, report_id) for question in asked)
        return Dialogue(
            GenerationRequest(opening.request_id, turns(asked, images), opening.sampling, opening.adapter),
            tuple(others),
        )

    def _follow_up(self, question: Question, report_id: str) -> FollowUp:
        settings = self._settings
        max_tokens, adapter = {
            SectionName.FINDINGS: (settings.max_findings_tokens, or_none(settings.findings_adapter, "none")),
            SectionName.IMPRESSION: (settings.max_impression_tokens, or_none(settings.impression_adapter, "none")),
        }[question.section]
        return FollowUp(f"{report_id}-{question.section}", question.text, Sampling(max_tokens=max_tokens), adapter)

    def _named(self, model: str) -> str:
        """Name the model with the adapters that answered: another adapter is another model."""
        adapters = (self._settings.findings_adapter, self._settings.impression_adapter)
        return "+".join([model, *(adapter for adapter in dict.fromkeys(adapters) if or_none(adapter, "none"))])


def _require_expressible(study: Study) -> None:
    """Refuse what the prompts cannot say yet: the model would report on a prior as if it were current."""
    if study.has_prior or study.indication is not None:
        raise UnsupportedStudy("the model was not taught to read priors or an indication: send the current images only")


class _Transcript:
    """What the model has said so far; a turn begins when the one before it is complete."""

    def __init__(self, asked: Sequence[Question], check: DraftCheck, observe: Observe) -> None:
        self._waiting = list(asked)
        self._check = check
        self._observe = observe
        self._card: ModelCard | None = None
        self.sections: dict[SectionName, Section] = {}
        self.records: list[TurnRecord] = []
        self.concerns: list[Concern] = []
        self._begin()

    def _begin(self) -> None:
        self._started = time.monotonic()
        self._text = ""
        self._first_token_s: float | None = None

    def add(self, event: DialogueEvent) -> Iterator[SectionDelta | SectionDone]:
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
            yield self._finish(self._waiting.pop(0), event)

    def _finish(self, question: Question, finished: Finished) -> SectionDone:
        duration_s = time.monotonic() - self._started
        first_token_s = duration_s if self._first_token_s is None else self._first_token_s
        section = parse_section(self._text, finished.reason)
        self.sections[question.section] = section
        self.records.append(TurnRecord(question.section, question.text, finished.usage, first_token_s, duration_s))
        self._observe(question.section, duration_s)
        self._begin()
        concerns = self._check.section(question.section, section)
        self.concerns += concerns
        return SectionDone(question.section, section, concerns)

    def require_whole(self) -> ModelCard:
        """Say who answered; raise EngineGone unless every question was answered to its end."""
        if self._waiting or self._card is None:
            raise EngineGone("the model engine ended its answer without a finish reason")
        return self._card
