"""What the door measures of a report."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator

import pytest

from serve_app.cluster.recorder import Recorder
from serve_app.domain.call import Call
from serve_app.domain.conversation import Usage
from serve_app.domain.errors import ClaraError, NeedsConfirmation, NotAChestXray, NotAnImage
from serve_app.domain.radiograph import GateOutcome, GateVerdict, Source
from serve_app.domain.report import (
    Concern,
    ConcernCode,
    Place,
    Prepared,
    Report,
    ReportedImage,
    ReportEvent,
    Section,
    SectionDelta,
    SectionDone,
    SectionName,
    SectionStatus,
    TurnRecord,
)
from serve_app.domain.study import Patient, Study
from serve_app.telemetry.measured import MeasuredReporter
from serve_app.telemetry.metrics import CONCERNS, FIRST_TOKEN_SECONDS, GATE, PROMPT_TOKENS, SECTIONS, Metric
from tests.calls import call, study_of
from tests.reporters import Reciting

STUDY = study_of()


class Notebook:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, str]]] = []
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.sums: Counter[tuple[str | None, ...]] = Counter()

    def count(self, metric: Metric, number: int = 1, **labels: str) -> None:
        self.sums[metric.name, labels.get("section"), labels.get("source")] += number
        self.entries.append((metric.name, labels))

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        assert value >= 0
        self.seconds[metric.name].append(value)
        self.entries.append((metric.name, labels))


class Silent(Reciting):
    """Yields what it was given, then says nothing more."""

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        async for event in super().report(call, study, report_id):
            yield event
        await asyncio.Event().wait()


def image(is_confirmed: bool = False) -> ReportedImage:
    return ReportedImage("d", Source("PNG", 1, 1, 8), GateVerdict(GateOutcome.PASS, 1.0, "x", is_confirmed))


def prepared(is_confirmed: bool = False) -> Prepared:
    return Prepared("rpt-1", (image(is_confirmed),))


def reported(*usages: Usage) -> Report:
    section = Section("a", ("a",), SectionStatus.COMPLETE)
    turns = tuple(TurnRecord(name, "?", usage, 0.1, 0.2) for name, usage in zip(SectionName, usages, strict=True))
    return Report(
        id="rpt-1",
        created_unix_s=0,
        patient=Patient(),
        images=(image(),),
        findings=section,
        impression=section,
        turns=turns,
        preparation_s=0.1,
        duration_s=0.5,
        model="m",
        prompt_version="p",
    )


async def test_the_first_token_is_timed_once() -> None:
    notebook = Notebook()
    deltas = [SectionDelta(SectionName.FINDINGS, "a"), SectionDelta(SectionName.FINDINGS, "b")]

    async for _ in MeasuredReporter(Reciting(prepared(), *deltas), notebook).report(call(), STUDY, "rpt-1"):
        pass

    assert notebook.entries == [(GATE.name, {"outcome": "pass"}), (FIRST_TOKEN_SECONDS.name, {})]


async def test_the_impressions_first_token_is_not_the_findings() -> None:
    notebook = Notebook()
    delta = SectionDelta(SectionName.IMPRESSION, "a")

    async for _ in MeasuredReporter(Reciting(prepared(), delta), notebook).report(call(), STUDY, "rpt-1"):
        pass

    assert notebook.entries == [(GATE.name, {"outcome": "pass"})]


@pytest.mark.parametrize(
    ("events", "has_waited"),
    [([], True), ([prepared()], True), ([prepared(), SectionDelta(SectionName.FINDINGS, "a")], False)],
    ids=["before the film was ready", "before the first token", "after it"],
)
async def test_who_leaves_before_the_first_token_is_counted_with_the_time_waited(
    events: list[ReportEvent], has_waited: bool
) -> None:
    notebook = Notebook()

    async def listen() -> None:
        async for _ in MeasuredReporter(Silent(*events), notebook).report(call(), STUDY, "rpt-1"):
            pass

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(listen(), 0.3)

    (waited_s,) = notebook.seconds[FIRST_TOKEN_SECONDS.name]
    assert (waited_s > 0.2) == has_waited


async def test_an_abandoned_stream_counts_once() -> None:
    notebook = Notebook()
    events = MeasuredReporter(Silent(prepared()), notebook).report(call(), STUDY, "rpt-1")

    await anext(events)
    await events.aclose()

    assert notebook.entries == [(GATE.name, {"outcome": "pass"}), (FIRST_TOKEN_SECONDS.name, {})]


async def test_a_section_is_counted_by_whether_it_is_whole() -> None:
    notebook = Notebook()
    whole, cut = (Section("a", ("a",), status) for status in (SectionStatus.COMPLETE, SectionStatus.TRUNCATED))
    done = [SectionDone(SectionName.FINDINGS, whole), SectionDone(SectionName.IMPRESSION, cut)]

    async for _ in MeasuredReporter(Reciting(*done), notebook).report(call(), STUDY, "rpt-1"):
        pass

    assert notebook.entries == [
        (SECTIONS.name, {"section": "findings", "status": "complete"}),
        (SECTIONS.name, {"section": "impression", "status": "truncated"}),
    ]


async def test_prompt_tokens_are_counted_by_turn_and_source() -> None:
    notebook = Notebook()
    report = reported(Usage(100, 7, cached_tokens=0), Usage(120, 5, cached_tokens=96))

    async for _ in MeasuredReporter(Reciting(report), notebook).report(call(), STUDY, "rpt-1"):
        pass

    tokens = {
        (section, source): n for (name, section, source), n in notebook.sums.items() if name == PROMPT_TOKENS.name
    }
    assert {key: number for key, number in tokens.items() if number} == {
        ("findings", "computed"): 100,
        ("impression", "cache"): 96,
        ("impression", "computed"): 24,
    }


async def test_a_report_is_not_lost_over_tokens_that_make_no_sense() -> None:
    """Ray's counters refuse to go down."""
    report = reported(Usage(100, 7, cached_tokens=128), Usage(120, 5, cached_tokens=-1))

    events = MeasuredReporter(Reciting(report), Recorder()).report(call(), STUDY, "rpt-1")

    assert [event async for event in events] == [report]


async def test_a_confirmed_image_is_counted_as_one() -> None:
    notebook = Notebook()

    async for _ in MeasuredReporter(Reciting(prepared(is_confirmed=True)), notebook).report(call(), STUDY, "rpt-1"):
        pass

    assert notebook.entries == [(GATE.name, {"outcome": "overridden"})]


@pytest.mark.parametrize(
    ("error", "entries"),
    [
        (NotAChestXray("no", "low", 0.1), [(GATE.name, {"outcome": "refuse"})]),
        (NeedsConfirmation("maybe", "mid", 0.5), [(GATE.name, {"outcome": "confirm"})]),
        (NotAnImage("no"), []),
    ],
)
async def test_what_the_gate_stops_is_counted_and_still_raised(error: ClaraError, entries: list[object]) -> None:
    notebook = Notebook()

    with pytest.raises(type(error)):
        async for _ in MeasuredReporter(Reciting(error=error), notebook).report(call(), STUDY, "rpt-1"):
            pass

    assert notebook.entries == entries


async def test_concerns_are_counted_by_code() -> None:
    notebook, section = Notebook(), Section("a", ("a",), SectionStatus.COMPLETE)
    concern = Concern(ConcernCode.UNSUPPORTED, Place(SectionName.IMPRESSION, 0, 1))
    done = SectionDone(SectionName.IMPRESSION, section, (concern, concern))

    async for _ in MeasuredReporter(Reciting(done), notebook).report(call(), STUDY, "rpt-1"):
        pass

    assert notebook.entries[1:] == [(CONCERNS.name, {"code": "unsupported"})] * 2
