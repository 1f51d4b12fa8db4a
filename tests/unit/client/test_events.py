"""A stream is read the same wherever the network cuts it, and one that ends early is never a report."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.api.examples import report_example
from serve_app.client import (
    IncompleteAnswer,
    Prepared,
    ProblemError,
    ReportBody,
    ReportDone,
    SectionDelta,
    SectionDone,
    SectionName,
    UnexpectedAnswer,
)
from serve_app.client.events import Event, read_events
from tests.unit.client.conftest import stream_bytes

REPORT = ReportBody.model_validate(report_example())
WHOLE = stream_bytes(with_ping=True)
KINDS = [Prepared, SectionDelta, SectionDone, SectionDelta, SectionDone, ReportDone]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    return [data[start:end] for start, end in itertools.pairwise([0, *sorted(places), len(data)])]


def read(*chunks: bytes) -> list[Event]:
    return list(read_events(chunks))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_the_events_are_typed_in_their_order(ending: str) -> None:
    events = read(stream_bytes(ending, with_ping=True))

    assert [type(event) for event in events] == KINDS
    assert events[1] == SectionDelta(SectionName.FINDINGS, REPORT.findings.text)
    assert [texts(event) for event in events[2:5:2]] == [
        (SectionName.FINDINGS, REPORT.findings.text, REPORT.findings.items),
        (SectionName.IMPRESSION, REPORT.impression.text, REPORT.impression.items),
    ]
    assert events[5] == ReportDone(REPORT)


def texts(event: Event) -> tuple[SectionName, str, list[str]]:
    assert isinstance(event, SectionDone)
    return event.section, event.body.text, event.body.items


@given(st.lists(st.integers(0, len(WHOLE)), max_size=40))
def test_it_does_not_matter_where_the_network_cuts(places: list[int]) -> None:
    assert read(*cut(WHOLE, places)) == read(WHOLE)


@settings(deadline=None)
@given(st.data())
def test_a_stream_that_ends_early_is_never_a_report(data: Any) -> None:
    # The last byte but one, CR, ends the line as LF does.
    length = data.draw(st.integers(0, len(WHOLE) - 2))
    places = data.draw(st.lists(st.integers(0, length), max_size=9))
    events: list[Event] = []
    with pytest.raises(IncompleteAnswer):
        events.extend(read_events(cut(WHOLE[:length], places)))
    assert not any(isinstance(event, ReportDone) for event in events)


def test_what_follows_the_report_is_not_waited_for() -> None:
    def endless() -> Any:
        yield WHOLE
        raise AssertionError("the report was there already")

    assert isinstance(list(read_events(endless()))[-1], ReportDone)


def test_an_event_of_a_later_version_is_passed_over() -> None:
    assert read(b"event: revised\ndata: []\n\n" + WHOLE) == read(WHOLE)


def test_an_error_event_is_a_problem() -> None:
    error = b'event: error\ndata: {"code": "engine-gone", "detail": "the engine stopped"}\n\n'
    with pytest.raises(ProblemError, match="the engine stopped") as failure:
        read(WHOLE.partition(b"event: findings")[0], error)
    assert failure.value.code == "engine-gone"


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'{"text": 7000}'])
def test_an_event_that_cannot_be_read_is_not_repeated(data: bytes) -> None:
    with pytest.raises(UnexpectedAnswer) as failure:
        read(b"event: findings.delta\ndata: " + data + b"\n\n")
    assert "7000" not in str(failure.value)
    assert failure.value.__cause__ is None
