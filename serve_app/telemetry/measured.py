"""Measures a reporter: time to first token, time to report, gate verdicts, section statuses, concerns, prompt tokens.

The clock starts when the upload is complete: upload time depends on the client.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator

from serve_app.domain.call import Call
from serve_app.domain.errors import NeedsConfirmation, NotAChestXray
from serve_app.domain.radiograph import GateOutcome, GateVerdict
from serve_app.domain.report import (
    Prepared,
    Report,
    ReportEvent,
    SectionDelta,
    SectionDone,
    SectionName,
)
from serve_app.domain.study import Study
from serve_app.ports import MetricSink, Reporter
from serve_app.telemetry.metrics import CONCERNS, FIRST_TOKEN_SECONDS, GATE, PROMPT_TOKENS, REPORT_SECONDS, SECTIONS


class MeasuredReporter:
    """A `Reporter` that wraps another one and measures it."""

    def __init__(self, reporter: Reporter, sink: MetricSink) -> None:
        self._reporter = reporter
        self._sink = sink

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        """Yield the events of the wrapped reporter and record their metrics; see `ports.Reporter`."""
        started = time.monotonic()
        has_first_token = False
        try:
            async with contextlib.aclosing(self._reporter.report(call, study, report_id)) as events:
                async for event in events:
                    if isinstance(event, Prepared):
                        for image in event.images:
                            self._sink.count(GATE, outcome=_gate_label(image.gate))
                    elif isinstance(event, SectionDelta):
                        if event.section is SectionName.FINDINGS and not has_first_token:
                            has_first_token = True
                            self._sink.observe(FIRST_TOKEN_SECONDS, time.monotonic() - started)
                    elif isinstance(event, SectionDone):
                        self._sink.count(SECTIONS, section=event.name.value, status=event.section.status.value)
                        for concern in event.concerns:
                            self._sink.count(CONCERNS, code=concern.code.value)
                    elif isinstance(event, Report):
                        self._sink.observe(REPORT_SECONDS, time.monotonic() - started)
                        self._count_tokens(event)
                    yield event
        except NotAChestXray:
            self._sink.count(GATE, outcome=GateOutcome.REFUSE.value)
            raise
        except NeedsConfirmation:
            self._sink.count(GATE, outcome=GateOutcome.CONFIRM.value)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            # A client that left before the first token waited at least this long; the longest waits must not be lost.
            if not has_first_token:
                self._sink.observe(FIRST_TOKEN_SECONDS, time.monotonic() - started)
            raise

    def _count_tokens(self, report: Report) -> None:
        for turn in report.turns:
            usage = turn.usage
            self._sink.count(PROMPT_TOKENS, usage.cached_tokens, section=turn.section, source="cache")
            self._sink.count(
                PROMPT_TOKENS, usage.prompt_tokens - usage.cached_tokens, section=turn.section, source="computed"
            )


def _gate_label(verdict: GateVerdict) -> str:
    return "overridden" if verdict.is_confirmed else verdict.outcome.value
