"""Times the events of one report, and rejects an incomplete report."""

from collections.abc import Callable, Iterable, Iterator

from serve_app.client import Event, ReportBody, ReportDone, SectionDelta


class ReportFailed(Exception):
    """The report is missing or incomplete. The message begins with a code."""


def timed(events: Iterable[Event], clock_s: Callable[[], float]) -> Iterator[tuple[str, float]]:
    """Yield ("time-to-first-token", now) and ("time-to-report", now) when they happen.

    Raises:
        ReportFailed: the report lacks a section or the disclaimer. Also whatever `events` raises.
    """
    has_text = False
    for event in events:
        if isinstance(event, SectionDelta) and not has_text:
            has_text = True
            yield "time-to-first-token", clock_s()
        if isinstance(event, ReportDone):
            _require_whole(event.report)
            yield "time-to-report", clock_s()


def _require_whole(report: ReportBody) -> None:
    parts = {
        "findings": report.findings.text,
        "impression": report.impression.text,
        "disclaimer": report.disclaimer,
    }
    missing = [name for name, text in parts.items() if not text.strip()]
    if missing:
        raise ReportFailed(f"hollow: the report has no {' and no '.join(missing)}")
