"""A reporter that waits for its slot."""

import asyncio
from collections.abc import AsyncGenerator

from serve_app.admission.reporter import WaitingReporter
from serve_app.admission.slots import FairSlots
from serve_app.domain.call import Call
from serve_app.domain.report import Prepared, ReportEvent
from serve_app.domain.study import Study
from serve_app.settings import AdmissionSettings
from tests.calls import call, study_of


class Hanging:
    """Begins, and never ends."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    async def report(self, _: Call, __: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        self.begun.append(report_id)
        yield Prepared(report_id, ())
        await asyncio.Event().wait()


async def test_nothing_begins_before_there_is_a_slot_and_who_leaves_frees_its_own() -> None:
    inner, waits = Hanging(), list[float]()
    reporter = WaitingReporter(inner, FairSlots(AdmissionSettings(), 1), waits.append)
    first = reporter.report(call(), study_of(), "first")
    await anext(first)
    second = asyncio.ensure_future(anext(reporter.report(call(), study_of(), "second")))
    await asyncio.sleep(0.01)
    assert inner.begun == ["first"]

    await first.aclose()
    await second
    assert inner.begun == ["first", "second"]
    assert len(waits) == 2
