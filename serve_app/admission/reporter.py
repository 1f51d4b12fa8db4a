"""A reporter that waits for its slot."""

import contextlib
import time
from collections.abc import AsyncGenerator, Callable

from serve_app.admission.slots import FairSlots
from serve_app.domain.call import Call
from serve_app.domain.report import ReportEvent
from serve_app.domain.study import Study
from serve_app.ports import Reporter


class WaitingReporter:
    """A `Reporter` that begins the wrapped one's report when a slot is free, before anything is prepared."""

    def __init__(self, reporter: Reporter, slots: FairSlots, observe: Callable[[float], None]) -> None:
        self._reporter = reporter
        self._slots = slots
        self._observe = observe

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        """Wait for a slot, then stream the report; see `ports.Reporter`."""
        started_s = time.monotonic()
        async with self._slots.slot(call):
            self._observe(time.monotonic() - started_s)
            async with contextlib.aclosing(self._reporter.report(call, study, report_id)) as events:
                async for event in events:
                    yield event
