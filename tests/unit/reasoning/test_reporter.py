"""Two turns, one image: what is asked, what is passed on, what stops a report."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
import pytest

from serve_app.domain.call import Call
from serve_app.domain.conversation import (
    Dialogue,
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    Role,
    TokenDelta,
    Usage,
)
from serve_app.domain.errors import DeadlineExceeded, EngineGone, NotAChestXray, UnsupportedStudy
from serve_app.domain.radiograph import GateOutcome, GateVerdict, Radiograph, Source
from serve_app.domain.report import (
    Prepared,
    Report,
    SectionDelta,
    SectionDone,
    SectionName,
    SectionStatus,
)
from serve_app.domain.study import Age, ImageRole, Patient, Sex, Study, StudyImage, View
from serve_app.engines.dialogue import EngineChat
from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.ports import DialogueEvent, ModelCard
from serve_app.reasoning.reporter import TwoTurnReporter
from serve_app.settings import OrchestratorSettings, ScriptedSettings
from tests.calls import call

IMAGE = Radiograph(
    np.zeros((28, 28, 3), np.uint8),
    "a" * 64,
    Source("PNG", 3000, 2500, 8),
    GateVerdict(GateOutcome.PASS, 0.99, "chest-xray"),
)
STUDY = Study((StudyImage(b"film", View.PA),), Patient(Sex.MALE, Age(63)))


class OneImagePreparer:
    """Gives the same image for any bytes, or the error it was made with."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.prepared: list[tuple[Call, StudyImage]] = []

    async def prepare(self, call: Call, image: StudyImage) -> Radiograph:
        self.prepared.append((call, image))
        if self._error is not None:
            raise self._error
        return IMAGE


async def collect(reporter: TwoTurnReporter, timeout_s: float = 30, study: Study = STUDY) -> list[object]:
    return [event async for event in reporter.report(call(timeout_s=timeout_s), study, "rpt-1")]


async def test_events_come_in_the_order_of_the_report() -> None:
    events = await collect(TwoTurnReporter(OneImagePreparer(), EngineChat(ScriptedEngine()), OrchestratorSettings()))

    kinds = [type(event) for event in events if not isinstance(event, SectionDelta)]
    assert kinds == [Prepared, SectionDone, SectionDone, Report]
    deltas = [event for event in events if isinstance(event, SectionDelta)]
    report = events[-1]
    assert isinstance(report, Report)
    assert "".join(delta.text for delta in deltas if delta.section is SectionName.FINDINGS) == report.findings.text
    assert "".join(delta.text for delta in deltas if delta.section is SectionName.IMPRESSION) == report.impression.text
    assert report.is_draft and report.disclaimer


async def test_turn_two_carries_image_question_and_findings() -> None:
    engine = ScriptedEngine()

    *_, report = await collect(TwoTurnReporter(OneImagePreparer(), EngineChat(engine), OrchestratorSettings()))

    first, second = (request.turns for request in engine.requests)
    assert isinstance(report, Report)
    assert [turn.role for turn in second] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert second[0] == first[0] and second[0].images == (IMAGE,)
    assert second[1].text == report.findings.text
    assert not second[2].images


async def test_both_turns_are_greedy_and_share_one_deadline() -> None:
    engine = ScriptedEngine()
    preparer = OneImagePreparer()
    before = time.time()

    await collect(TwoTurnReporter(preparer, EngineChat(engine), OrchestratorSettings()), timeout_s=30)

    assert {request.sampling.temperature for request in engine.requests} == {0.0}
    (deadline_unix_s,) = {
        asked.deadline_unix_s for asked in (*engine.calls, *(asked for asked, _ in preparer.prepared))
    }
    assert before + 29 < deadline_unix_s < time.time() + 31


async def test_a_refused_image_never_reaches_the_engine() -> None:
    engine = ScriptedEngine()
    preparer = OneImagePreparer(NotAChestXray("no chest X-ray", "low-score", 0.01))

    with pytest.raises(NotAChestXray):
        await collect(TwoTurnReporter(preparer, EngineChat(engine), OrchestratorSettings()))

    assert not engine.requests


async def test_an_answer_cut_at_its_limit_is_said_to_be_truncated() -> None:
    *_, report = await collect(
        TwoTurnReporter(OneImagePreparer(), EngineChat(ScriptedEngine()), OrchestratorSettings(max_findings_tokens=3))
    )

    assert isinstance(report, Report)
    assert report.findings.status is SectionStatus.TRUNCATED
    assert report.impression.status is SectionStatus.COMPLETE


async def test_a_deadline_passed_in_turn_one_ends_the_report() -> None:
    with pytest.raises(DeadlineExceeded):
        await collect(
            TwoTurnReporter(
                OneImagePreparer(),
                EngineChat(ScriptedEngine(ScriptedSettings(token_s=0.02))),
                OrchestratorSettings(),
            ),
            timeout_s=0.05,
        )


async def test_a_preparer_that_never_answers_ends_the_report_at_its_deadline() -> None:
    class Gone(OneImagePreparer):
        async def prepare(self, call: Call, image: StudyImage) -> Radiograph:
            await asyncio.sleep(60)
            return IMAGE

    with pytest.raises(DeadlineExceeded):
        await collect(TwoTurnReporter(Gone(), EngineChat(ScriptedEngine()), OrchestratorSettings()), timeout_s=0.05)


async def test_a_model_that_falls_silent_ends_the_report_at_its_deadline() -> None:
    class Gone(EngineChat):
        async def converse(self, call: Call, dialogue: Dialogue) -> AsyncGenerator[DialogueEvent]:
            yield TokenDelta("- Bóng tim")
            await asyncio.sleep(60)

    reporter = TwoTurnReporter(OneImagePreparer(), Gone(ScriptedEngine()), OrchestratorSettings())

    with pytest.raises(DeadlineExceeded):
        await collect(reporter, timeout_s=0.05)


async def test_an_engine_that_dies_ends_the_report() -> None:
    with pytest.raises(EngineGone):
        await collect(
            TwoTurnReporter(
                OneImagePreparer(),
                EngineChat(ScriptedEngine(ScriptedSettings(dies_after_tokens=4))),
                OrchestratorSettings(),
            )
        )


async def test_a_stream_that_ends_without_a_finish_is_no_answer() -> None:
    class Mumbling(ScriptedEngine):
        async def generate(self, call: Call, request: GenerationRequest) -> AsyncIterator[GenerationEvent]:
            yield TokenDelta("- Bóng tim")

    with pytest.raises(EngineGone):
        await collect(TwoTurnReporter(OneImagePreparer(), EngineChat(Mumbling()), OrchestratorSettings()))


async def test_an_empty_answer_is_said_to_be_empty() -> None:
    class Silent(ScriptedEngine):
        async def generate(self, call: Call, request: GenerationRequest) -> AsyncIterator[GenerationEvent]:
            yield Finished(FinishReason.STOP, Usage(9, 1))

    *_, report = await collect(TwoTurnReporter(OneImagePreparer(), EngineChat(Silent()), OrchestratorSettings()))

    assert isinstance(report, Report)
    assert report.findings.status is SectionStatus.EMPTY and report.findings.items == ()


async def test_leaving_early_frees_the_engine() -> None:
    engine = ScriptedEngine(ScriptedSettings(token_s=0.01))
    events = TwoTurnReporter(OneImagePreparer(), EngineChat(engine), OrchestratorSettings()).report(
        call(), STUDY, "rpt-1"
    )

    async for event in events:
        if isinstance(event, SectionDelta):
            break
    assert engine.num_running == 1
    await events.aclose()

    assert engine.num_running == 0


async def test_every_stage_is_observed() -> None:
    seen: dict[str, float] = {}

    await collect(
        TwoTurnReporter(
            OneImagePreparer(), EngineChat(ScriptedEngine()), OrchestratorSettings(), observe=seen.__setitem__
        )
    )

    assert set(seen) == {"prepare", "findings", "impression"}
    assert all(duration_s >= 0 for duration_s in seen.values())


async def test_each_turn_asks_its_adapter_and_the_report_names_both() -> None:
    engine = ScriptedEngine()
    settings = OrchestratorSettings(findings_adapter="stage-1", impression_adapter="stage-2")

    *_, report = await collect(TwoTurnReporter(OneImagePreparer(), EngineChat(engine), settings))

    assert [request.adapter for request in engine.requests] == ["stage-1", "stage-2"]
    assert isinstance(report, Report) and report.model == "scripted+stage-1+stage-2"


async def test_a_report_names_the_model_that_answered_it() -> None:
    class Replicas(ScriptedEngine):
        """Replicas of two versions, as there are while one takes the other's place."""

        model = "old"

        async def describe(self) -> ModelCard:
            return ModelCard(self.model, "scripted", "1")

    class Remote:
        async def converse(self, call: Call, dialogue: Dialogue) -> AsyncGenerator[DialogueEvent]:
            async for event in EngineChat(engine).converse(call, dialogue):
                yield event

    engine = Replicas()
    reporter = TwoTurnReporter(OneImagePreparer(), Remote(), OrchestratorSettings())
    named = []
    for model in ("old", "new"):
        engine.model = model
        *_, report = await collect(reporter)
        assert isinstance(report, Report)
        named.append(report.model)

    assert named == ["old", "new"]


async def test_an_answer_of_nobody_is_no_report() -> None:
    class Nameless(EngineChat):
        async def converse(self, call: Call, dialogue: Dialogue) -> AsyncGenerator[DialogueEvent]:
            async for event in super().converse(call, dialogue):
                if not isinstance(event, ModelCard):
                    yield event

    with pytest.raises(EngineGone):
        await collect(TwoTurnReporter(OneImagePreparer(), Nameless(ScriptedEngine()), OrchestratorSettings()))


async def test_every_image_is_in_the_first_question_and_in_the_report() -> None:
    engine = ScriptedEngine()
    study = Study((StudyImage(b"frontal", View.PA), StudyImage(b"side", View.LATERAL)), Patient())

    *_, report = await collect(
        TwoTurnReporter(OneImagePreparer(), EngineChat(engine), OrchestratorSettings()), study=study
    )

    assert [len(request.images) for request in engine.requests] == [2, 2]
    assert "thẳng và nghiêng" in engine.requests[0].turns[0].text
    assert isinstance(report, Report)
    assert [image.view for image in report.images] == [View.PA, View.LATERAL]
    assert report.num_trained_images == 1


async def test_the_first_image_that_is_refused_stops_the_others() -> None:
    class Picky(OneImagePreparer):
        num_finished = 0

        async def prepare(self, call: Call, image: StudyImage) -> Radiograph:
            if image.data == b"cat":
                raise NotAChestXray("no chest X-ray", "low-score", 0.01)
            await asyncio.sleep(0.05)
            self.num_finished += 1
            return IMAGE

    engine, preparer = ScriptedEngine(), Picky()
    study = Study((StudyImage(b"film"), StudyImage(b"cat")), Patient())

    with pytest.raises(NotAChestXray):
        await collect(TwoTurnReporter(preparer, EngineChat(engine), OrchestratorSettings()), study=study)

    await asyncio.sleep(0.1)
    assert preparer.num_finished == 0 and not engine.requests


@pytest.mark.parametrize(
    "study",
    [
        Study((StudyImage(b"film"), StudyImage(b"old", role=ImageRole.PRIOR)), Patient()),
        Study((StudyImage(b"film"),), Patient(), prior_report="Phim cũ: bình thường."),
        Study((StudyImage(b"film"),), Patient(), indication="Ho kéo dài."),
    ],
    ids=["prior image", "prior report", "indication"],
)
async def test_what_the_prompts_cannot_say_is_refused_rather_than_left_out(study: Study) -> None:
    preparer = OneImagePreparer()

    with pytest.raises(UnsupportedStudy):
        await collect(TwoTurnReporter(preparer, EngineChat(ScriptedEngine()), OrchestratorSettings()), study=study)

    assert not preparer.prepared


async def test_what_the_check_finds_comes_with_its_section_and_with_the_report() -> None:
    class Hasty(ScriptedEngine):
        async def generate(self, call: Call, request: GenerationRequest) -> AsyncIterator[GenerationEvent]:
            is_first = len(request.turns) == 1
            yield TokenDelta("- Tràn dịch màng phổi trái." if is_first else "- Tràn dịch màng phổi phải.")
            yield Finished(FinishReason.LENGTH if is_first else FinishReason.STOP, Usage(1, 1))

    events = await collect(TwoTurnReporter(OneImagePreparer(), EngineChat(Hasty()), OrchestratorSettings()))

    findings, impression = (event for event in events if isinstance(event, SectionDone))
    report = events[-1]
    assert [concern.code for concern in findings.concerns] == ["section-incomplete"]
    assert {"drawn-from-incomplete", "side-disagrees"} <= {concern.code for concern in impression.concerns}
    assert isinstance(report, Report) and report.concerns == (*findings.concerns, *impression.concerns)
    first_delta = next(
        index
        for index, event in enumerate(events)
        if isinstance(event, SectionDelta) and event.section is SectionName.IMPRESSION
    )
    assert events.index(findings) < first_delta, "the findings are flagged before the impression is written"
