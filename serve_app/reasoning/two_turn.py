"""The chain of thought: findings from the image, then the impression from image, question and findings.

Knows the ports only; images and engines may be in this process or in another.
"""

import contextlib
import time
from collections.abc import AsyncGenerator, Callable

from serve_app.domain.conversation import Finished, GenerationRequest, Principal, Role, Sampling, TokenDelta, Turn
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
from serve_app.ports import Engine, ImagePreparer
from serve_app.reasoning.parse import parse_section
from serve_app.reasoning.prompts import PROMPTS, PromptSet
from serve_app.settings import OrchestratorSettings

Observe = Callable[[str, float], None]
"""Called with a stage's name and its duration in seconds."""


class TwoTurnReporter:
    """Implements the `Reporter` port over an image preparer and an engine."""

    def __init__(
        self,
        preparer: ImagePreparer,
        engine: Engine,
        settings: OrchestratorSettings,
        observe: Observe = lambda stage, duration_s: None,
    ) -> None:
        self._preparer = preparer
        self._engine = engine
        self._settings = settings
        self._observe = observe
        self._prompts: PromptSet = PROMPTS[settings.prompt_version]

    async def report(self, request: ReportRequest, principal: Principal) -> AsyncGenerator[ReportEvent]:
        """Stream one report; see `ports.Reporter`."""
        started = time.monotonic()
        created_unix_s = time.time()
        deadline_unix_s = min(request.deadline_unix_s or float("inf"), created_unix_s + self._settings.deadline_s)
        image = await self._preparer.prepare(request.image, has_override=request.has_override)
        preparation_s = time.monotonic() - started
        self._observe("prepare", preparation_s)
        yield Prepared(request.report_id, image.digest, image.source, image.gate)

        dialogue = _Dialogue(self._engine, request.report_id, principal, deadline_unix_s, self._observe)
        for answer in (
            dialogue.ask(
                SectionName.FINDINGS,
                self._prompts.findings_question(request.patient),
                (image,),
                self._settings.max_findings_tokens,
                self._settings.findings_adapter,
            ),
            dialogue.ask(
                SectionName.IMPRESSION,
                self._prompts.impression_question(),
                (),
                self._settings.max_impression_tokens,
                self._settings.impression_adapter,
            ),
        ):
            async with contextlib.aclosing(answer):
                async for event in answer:
                    yield event

        yield Report(
            id=request.report_id,
            created_unix_s=created_unix_s,
            patient=request.patient,
            source=image.source,
            gate=image.gate,
            digest=image.digest,
            findings=dialogue.sections[SectionName.FINDINGS],
            impression=dialogue.sections[SectionName.IMPRESSION],
            turns=tuple(dialogue.records),
            preparation_s=preparation_s,
            duration_s=time.monotonic() - started,
            model=self._named((await self._engine.describe()).model),
            prompt_version=self._prompts.version,
        )

    def _named(self, model: str) -> str:
        """Name the model with the adapters that answered: another adapter is another model."""
        adapters = (self._settings.findings_adapter, self._settings.impression_adapter)
        return "+".join([model, *(adapter for adapter in dict.fromkeys(adapters) if adapter)])


class _Dialogue:
    """One conversation about one image: what was asked and answered so far."""

    def __init__(
        self, engine: Engine, report_id: str, principal: Principal, deadline_unix_s: float, observe: Observe
    ) -> None:
        self._engine = engine
        self._report_id = report_id
        self._principal = principal
        self._deadline_unix_s = deadline_unix_s
        self._observe = observe
        self._turns: tuple[Turn, ...] = ()
        self.sections: dict[SectionName, Section] = {}
        self.records: list[TurnRecord] = []

    async def ask(
        self,
        name: SectionName,
        question: str,
        images: tuple[Radiograph, ...],
        max_tokens: int,
        adapter: str | None,
    ) -> AsyncGenerator[SectionDelta | SectionDone]:
        """Put one question, stream the answer and remember both for the next turn."""
        if time.time() >= self._deadline_unix_s:
            raise DeadlineExceeded("the report was not finished before its deadline")
        self._turns += (Turn(Role.USER, question, images),)
        started = time.monotonic()
        first_token_s: float | None = None
        text, finished = "", None
        async with contextlib.aclosing(self._engine.generate(self._request(name, max_tokens, adapter))) as events:
            async for event in events:
                if isinstance(event, TokenDelta):
                    if first_token_s is None:
                        first_token_s = time.monotonic() - started
                    if event.text:
                        text += event.text
                        yield SectionDelta(name, event.text)
                else:
                    finished = event
        if finished is None:
            raise EngineGone("the model engine ended its answer without saying so")
        yield SectionDone(
            name, self._remember(name, question, text, finished, first_token_s, time.monotonic() - started)
        )

    def _request(self, name: SectionName, max_tokens: int, adapter: str | None) -> GenerationRequest:
        return GenerationRequest(
            request_id=f"{self._report_id}-{name}",
            turns=self._turns,
            sampling=Sampling(max_tokens=max_tokens),
            principal=self._principal,
            deadline_unix_s=self._deadline_unix_s,
            adapter=adapter,
        )

    def _remember(
        self,
        name: SectionName,
        question: str,
        text: str,
        finished: Finished,
        first_token_s: float | None,
        duration_s: float,
    ) -> Section:
        section = parse_section(text, finished.reason)
        self._turns += (Turn(Role.ASSISTANT, text),)
        self.sections[name] = section
        self.records.append(
            TurnRecord(
                name, question, finished.usage, first_token_s if first_token_s is not None else duration_s, duration_s
            )
        )
        self._observe(name, duration_s)
        return section
