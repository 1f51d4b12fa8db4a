"""A report's stream of server-sent events, typed; knows nothing of connections."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpx
from httpx_sse import EventSource, ServerSentEvent

from .answers import parsed, problem_of
from .errors import IncompleteAnswer, ProblemError
from .schemas import DeltaBody, PreparedBody, ReportBody, SectionDoneBody, SectionName

EVENT_STREAM = "text/event-stream"
CUT_OFF = "the answer ended before the report was whole"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The image was read and let through."""

    body: PreparedBody


@dataclass(frozen=True, slots=True)
class SectionDelta:
    """New text of a section, to be appended."""

    section: SectionName
    text: str


@dataclass(frozen=True, slots=True)
class SectionDone:
    """A section is finished."""

    section: SectionName
    body: SectionDoneBody


@dataclass(frozen=True, slots=True)
class ReportDone:
    """The whole report; always the last event."""

    report: ReportBody


Event = Prepared | SectionDelta | SectionDone | ReportDone


def read_events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Read the events of one report from the body of its answer, however the network cut it.

    Raises:
        ProblemError: the stream ended with an error. IncompleteAnswer: it ended early.
        UnexpectedAnswer: an event cannot be read.
    """
    response = httpx.Response(200, headers={"Content-Type": EVENT_STREAM}, content=chunks)
    for message in EventSource(response).iter_sse():
        if (event := event_of(message)) is not None:
            yield event
        if isinstance(event, ReportDone):
            return
    raise IncompleteAnswer(CUT_OFF)


def event_of(message: ServerSentEvent, request_id: str = "") -> Event | None:
    """Read one event; null for a kind that this version does not know.

    Raises:
        ProblemError: it is an error. UnexpectedAnswer: it cannot be read.
    """
    match message.event:
        case "prepared":
            return Prepared(parsed(PreparedBody, message.data, request_id))
        case "findings.delta" | "impression.delta":
            section = SectionName(message.event.removesuffix(".delta"))
            return SectionDelta(section, parsed(DeltaBody, message.data, request_id).text)
        case "findings" | "impression":
            return SectionDone(SectionName(message.event), parsed(SectionDoneBody, message.data, request_id))
        case "report":
            return ReportDone(parsed(ReportBody, message.data, request_id))
        case "error":
            raise ProblemError(problem_of(message.data, 500, "Internal Server Error", request_id))
        case _:
            return None
