"""A stop ends what is asked for and what is in progress, and nothing of a stopped model is passed on."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from serve_app.api.examples import EVENTS, REPORT
from serve_app.domain.call import Call
from serve_app.domain.conversation import Dialogue, FollowUp, GenerationRequest, TokenDelta
from serve_app.domain.errors import DraftingStopped, Unavailable
from serve_app.domain.report import ReportEvent
from serve_app.domain.service import Readiness
from serve_app.domain.stop import Stop, StopKind, model_names
from serve_app.domain.study import Study
from serve_app.ports import DialogueEvent, ModelCard
from serve_app.reasoning.stoppable import StoppableModel, StoppableReporter
from serve_app.records.stops import PolledStops
from tests.calls import call, study_of
from tests.oversight import Stops

ALL = Stop(StopKind.ALL, "", "drift", 1.0)
HOSPITAL = Stop(StopKind.TENANT, "hospital", "drill", 1.0)
MODEL = Stop(StopKind.MODEL, "demo", "recall", 1.0)
READY = Readiness(True, "serving")
DIALOGUE = Dialogue(GenerationRequest("r", (), adapter="lung"), (FollowUp("r2", "?", adapter="heart"),))


class Hanging:
    """Yields its first event, then waits until it is cancelled."""

    def __init__(self) -> None:
        self.is_waiting = asyncio.Event()
        self.is_closed = False

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        yield EVENTS[0]
        async for _ in self._hang():
            pass

    async def converse(self, call: Call, dialogue: Dialogue) -> AsyncGenerator[DialogueEvent]:
        yield ModelCard("demo", "scripted", "1")
        async for _ in self._hang():
            pass

    async def _hang(self) -> AsyncGenerator[None]:
        try:
            self.is_waiting.set()
            await asyncio.Event().wait()
            yield
        finally:
            self.is_closed = True


class Reciting:
    """Yields a whole report, or a whole dialogue."""

    def __init__(self) -> None:
        self.num_asked = 0

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        self.num_asked += 1
        for event in EVENTS:
            yield event

    async def converse(self, call: Call, dialogue: Dialogue) -> AsyncGenerator[DialogueEvent]:
        yield ModelCard("demo", "scripted", "1")
        yield TokenDelta("- Bóng tim to.")


def switch(store: Stops) -> PolledStops:
    return PolledStops(store, poll_s=0.01)


async def reported(reporter: StoppableReporter, tenant: str = "hospital") -> list[ReportEvent]:
    return [event async for event in reporter.report(call(tenant), study_of(), REPORT.id)]


async def said(model: StoppableModel) -> list[DialogueEvent]:
    return [event async for event in model.converse(call(), DIALOGUE)]


async def test_without_a_stop_everything_passes() -> None:
    assert await reported(StoppableReporter(Reciting(), switch(Stops()))) == list(EVENTS)
    assert len(await said(StoppableModel(Reciting(), switch(Stops())))) == 2


@pytest.mark.parametrize("stop", [ALL, HOSPITAL])
async def test_a_stopped_draft_is_refused_before_anything_is_done(stop: Stop) -> None:
    reporter = Reciting()
    with pytest.raises(DraftingStopped) as stopped:
        await reported(StoppableReporter(reporter, switch(Stops(stop))))

    assert reporter.num_asked == 0
    assert stopped.value.facts == {"stopped": stop.kind.value, "reason": stop.reason}


async def test_a_stop_of_one_tenant_leaves_the_others() -> None:
    assert await reported(StoppableReporter(Reciting(), switch(Stops(HOSPITAL))), "clinic") == list(EVENTS)


async def test_a_stop_ends_a_report_in_progress_and_what_it_held() -> None:
    store, hanging = Stops(), Hanging()
    reporting = asyncio.create_task(reported(StoppableReporter(hanging, switch(store))))
    await hanging.is_waiting.wait()
    await store.put(ALL)
    with pytest.raises(DraftingStopped):
        await reporting

    assert hanging.is_closed


async def test_a_stop_of_a_model_ends_its_answers_in_progress() -> None:
    store, hanging = Stops(), Hanging()
    saying = asyncio.create_task(said(StoppableModel(hanging, switch(store))))
    await hanging.is_waiting.wait()
    await store.put(MODEL)
    with pytest.raises(DraftingStopped):
        await saying

    assert hanging.is_closed


@pytest.mark.parametrize("name", ["demo", "lung", "heart", "demo+lung+heart"])
async def test_nothing_of_a_stopped_model_is_passed_on_under_any_of_its_names(name: str) -> None:
    store = Stops(Stop(StopKind.MODEL, name, "recall", 1.0))
    with pytest.raises(DraftingStopped):
        await anext(StoppableModel(Reciting(), switch(store)).converse(call(), DIALOGUE))


async def test_another_model_goes_on() -> None:
    assert len(await said(StoppableModel(Reciting(), switch(Stops(Stop(StopKind.MODEL, "other", "recall", 1.0)))))) == 2


async def test_a_lifted_stop_lets_drafts_pass_again() -> None:
    store = Stops(ALL)
    reporter = StoppableReporter(Reciting(), switch(store))
    with pytest.raises(DraftingStopped):
        await reported(reporter)
    await store.lift(ALL.id)
    async with asyncio.timeout(10):
        while True:
            try:
                events = await reported(reporter)
                break
            except DraftingStopped:
                await asyncio.sleep(0.01)

    assert events == list(EVENTS)


async def test_while_the_store_is_down_the_last_state_holds_and_readiness_says_so() -> None:
    store = Stops(HOSPITAL)
    polled = switch(store)
    await polled.require_drafting("clinic")
    store.is_down = True
    async with asyncio.timeout(10):
        while (await polled.readiness(READY)).reason != "stops-unread":  # noqa: ASYNC110 - it polls
            await asyncio.sleep(0.01)

    await polled.require_drafting("clinic")
    with pytest.raises(DraftingStopped):
        await polled.require_drafting("hospital")


async def test_nothing_is_drafted_until_the_stops_were_read_once() -> None:
    store = Stops()
    store.is_down = True
    with pytest.raises(Unavailable):
        await reported(StoppableReporter(Reciting(), switch(store)))


@pytest.mark.parametrize(
    ("stops", "otherwise", "answer"),
    [
        ([], READY, READY),
        ([ALL], READY, Readiness(False, "stopped")),
        ([HOSPITAL, ALL], Readiness(False, "no-engine"), Readiness(False, "stopped")),
        ([HOSPITAL], READY, Readiness(True, "partly-stopped")),
        ([MODEL], Readiness(False, "no-engine"), Readiness(False, "no-engine")),
    ],
)
async def test_readiness_says_what_is_stopped(stops: list[Stop], otherwise: Readiness, answer: Readiness) -> None:
    assert await switch(Stops(*stops)).readiness(otherwise) == answer


def test_a_model_has_its_own_name_its_adapters_and_the_one_in_reports() -> None:
    assert model_names("demo", ["lung", "heart", "lung", None]) == {"demo", "lung", "heart", "demo+lung+heart"}
    assert model_names("demo", [None, None]) == {"demo"}
