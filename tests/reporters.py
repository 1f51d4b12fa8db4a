"""A reporter that a test scripts."""

from collections.abc import AsyncGenerator

from serve_app.domain.call import Call
from serve_app.domain.report import ReportEvent
from serve_app.domain.study import Study


class Reciting:
    """Yields what it was given, then raises what it was given."""

    def __init__(self, *events: ReportEvent, error: BaseException | None = None) -> None:
        self._events = events
        self._error = error

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        for event in self._events:
            yield event
        if self._error is not None:
            raise self._error
