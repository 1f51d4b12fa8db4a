"""The load test's reader takes only whole reports, however the network cuts them."""

import itertools
import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.stream import ReportFailed, read_report

REPORT = {"findings": {"text": "Bóng tim to."}, "impression": {"text": "Tim to."}, "disclaimer": "Bản nháp."}


def event(name: str, data: object, ending: str = "\r\n") -> str:
    return f"event: {name}{ending}data: {json.dumps(data, ensure_ascii=False)}{ending}{ending}"


def whole(ending: str = "\r\n") -> bytes:
    events = [
        f": ping{ending}{ending}",
        event("prepared", {"id": "rpt_1"}, ending),
        event("findings.delta", {"text": "Bóng"}, ending),
        event("findings.delta", {"text": " tim to."}, ending),
        event("impression.delta", {"text": "Tim to."}, ending),
        event("report", REPORT, ending),
    ]
    return "".join(events).encode()


def read(chunks: Iterable[bytes]) -> list[tuple[str, float]]:
    ticks = itertools.count(1)
    return list(read_report(chunks, lambda: float(next(ticks))))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_first_text_and_the_report_are_timed_once(ending: str) -> None:
    assert read([whole(ending)]) == [("time-to-first-token", 1.0), ("time-to-report", 2.0)]


@given(st.lists(st.integers(0, len(whole())), max_size=30))
def test_it_does_not_matter_where_the_network_cuts(cuts: list[int]) -> None:
    data = whole()
    places = [0, *sorted(cuts), len(data)]
    chunks = [data[start:end] for start, end in itertools.pairwise(places)]
    assert len(read(chunks)) == 2


@given(st.integers(0, len(whole()) - len(event("report", REPORT).encode())))
def test_a_stream_that_ends_early_is_a_failure(length: int) -> None:
    with pytest.raises(ReportFailed, match="incomplete"):
        read([whole()[:length]])


def test_an_error_event_is_a_failure_with_its_code() -> None:
    with pytest.raises(ReportFailed, match="engine-gone: the engine stopped"):
        read([event("error", {"code": "engine-gone", "detail": "the engine stopped"}).encode()])


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"findings": {"text": " "}}, "no findings"),
        ({"impression": {}}, "no impression"),
        ({"disclaimer": ""}, "no disclaimer"),
        ({"findings": {"text": ""}, "disclaimer": ""}, "no findings and no disclaimer"),
    ],
)
def test_a_hollow_report_is_a_failure(changes: dict[str, object], missing: str) -> None:
    with pytest.raises(ReportFailed, match=missing):
        read([event("report", REPORT | changes).encode()])
