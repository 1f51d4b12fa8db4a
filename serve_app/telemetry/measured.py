"""A reporter that is measured at the door: first token, whole report, gate, caches, sections that were cut off.

The clock starts once the form is read: how long a client takes to send its film is not the service's time.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from typing import Protocol

from serve_app.domain.conversation import Principal
from serve_app.domain.errors import NeedsConfirmation, NotAChestXray
from serve_app.domain.radiograph import GateOutcome, GateVerdict
from serve_app.domain.report import (
    Prepared,
    Report,
    ReportEvent,
    ReportRequest,
    SectionDelta,
    SectionDone,
    SectionName,
)
from serve_app.ports import Reporter
from serve_app.telemetry.metrics import FIRST_TOKEN_SECONDS, GATE, PROMPT_TOKENS, REPORT_SECONDS, SECTIONS, Metric


class MetricSink(Protocol):
    """Where measurements go."""

    def count(self, metric: Metric, number: int = 1, **labels: str) -> None: ...

    def observe(self, metric: Metric, value: float, **labels: str) -> None: ...


class MeasuredReporter:
    """Implements the `Reporter` port around another one."""

    def __init__(self, reporter: Reporter, sink: MetricSink) -> None:
        self._reporter = reporter
        self._sink = sink

    async def report(self, request: ReportRequest, principal: Principal) -> AsyncGenerator[ReportEvent]:
        """Pass a report's events on, and measure them; see `ports.Reporter`."""
        started = time.monotonic()
        has_first_token = False
        try:
            async with contextlib.aclosing(self._reporter.report(request, principal)) as events:
                async for event in events:
                    if isinstance(event, Prepared):
                        self._sink.count(GATE, outcome=_gate_label(event.gate))
                    elif isinstance(event, SectionDelta):
                        if event.section is SectionName.FINDINGS and not has_first_token:
                            has_first_token = True
                            self._sink.observe(FIRST_TOKEN_SECONDS, time.monotonic() - started)
                    elif isinstance(event, SectionDone):
                        self._sink.count(SECTIONS, section=event.name.value, status=event.section.status.value)
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
            # Who leaves without a word has waited at least so long; unseen, the slowest would look best.
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
    return "overridden" if verdict.is_overridden else verdict.outcome.value
