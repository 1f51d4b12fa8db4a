"""The load test's reader takes only whole reports, however the network cuts them."""

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.stream import ReportFailed, timed
from serve_app.api.examples import report_example
from serve_app.client import IncompleteAnswer, ProblemError, ReportBody, ReportDone
from serve_app.client.events import read_events
from tests.unit.client.conftest import stream_bytes as whole

REPORT = ReportBody.model_validate(report_example())


def read(chunks: Iterable[bytes]) -> list[tuple[str, float]]:
    ticks = itertools.count(1)
    return list(timed(read_events(chunks), lambda: float(next(ticks))))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_first_text_and_the_report_are_timed_once(ending: str) -> None:
    assert read([whole(ending)]) == [("time-to-first-token", 1.0), ("time-to-report", 2.0)]


@given(st.lists(st.integers(0, len(whole())), max_size=30))
def test_it_does_not_matter_where_the_network_cuts(cuts: list[int]) -> None:
    data = whole()
    places = [0, *sorted(cuts), len(data)]
    chunks = [data[start:end] for start, end in itertools.pairwise(places)]
    assert len(read(chunks)) == 2


@given(st.integers(0, whole().index(b"event: report")))
def test_a_stream_that_ends_early_is_a_failure(length: int) -> None:
    with pytest.raises(IncompleteAnswer, match="ended before"):
        read([whole()[:length]])


def test_an_error_event_is_a_failure_with_its_code() -> None:
    with pytest.raises(ProblemError, match="the engine stopped") as failure:
        read([b'event: error\ndata: {"code": "engine-gone", "detail": "the engine stopped"}\n\n'])
    assert failure.value.code == "engine-gone"


@pytest.mark.parametrize(
    ("findings", "impression", "disclaimer", "missing"),
    [
        (" ", "Tim to.", "Bản nháp.", "no findings"),
        ("Bóng tim to.", "", "Bản nháp.", "no impression"),
        ("Bóng tim to.", "Tim to.", "", "no disclaimer"),
        ("", "Tim to.", "", "no findings and no disclaimer"),
    ],
)
def test_a_hollow_report_is_a_failure(findings: str, impression: str, disclaimer: str, missing: str) -> None:
    changes = {
        "findings": REPORT.findings.model_copy(update={"text": findings}),
        "impression": REPORT.impression.model_copy(update={"text": impression}),
        "disclaimer": disclaimer,
    }
    with pytest.raises(ReportFailed, match=missing):
        list(timed([ReportDone(REPORT.model_copy(update=changes))], lambda: 0.0))
