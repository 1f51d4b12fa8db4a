"""More reports than the engine takes, on a real platform: every refusal is a problem, and is counted as ours."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.serve.conftest import Platform, drawn_film, start

pytestmark = pytest.mark.cluster
NUM_ASKED = 24
STREAM, JSON = {"Accept": "text/event-stream"}, {"Accept": "application/json"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose engine takes one report, and lets one wait, while the door lets all of them in."""
    engine = {
        "backend": "scripted",
        "scripted": {"token_s": 0.05},
        "scaling": {"max_ongoing_requests": 1, "max_queued_requests": 1},
    }
    yield from start(tmp_path_factory.mktemp("overload"), {"engine": engine, "admission": {"slots_per_engine": 1000}})


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return drawn_film(tmp_path_factory.mktemp("film"), 61).read_bytes()


async def asked_at_once(platform: Platform, film: bytes, headers: dict[str, str]) -> list[httpx.Response]:
    async with httpx.AsyncClient(base_url=platform.url, timeout=90) as client:
        requests = [client.post("/v1/reports", files={"image": film}, headers=headers) for _ in range(NUM_ASKED)]
        return await asyncio.gather(*requests)


def counted(platform: Platform) -> Counter[str]:
    found = re.findall(
        r'^ray_clara_reports_total\{.*outcome="(\w+)".*\} (\S+)$', httpx.get(platform.metrics_url).text, re.M
    )
    return Counter({outcome: round(float(number)) for outcome, number in found})


def test_json_answers_are_reports_or_problems_that_say_when_to_come_back(platform: Platform, film: bytes) -> None:
    answers = asyncio.run(asked_at_once(platform, film, JSON))

    refused = [answer for answer in answers if answer.status_code != 200]
    assert 0 < len(refused) < NUM_ASKED
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["content-type"] == "application/problem+json" and answer.headers["retry-after"]


def test_streams_end_in_a_report_or_in_a_problem(platform: Platform, film: bytes) -> None:
    answers = asyncio.run(asked_at_once(platform, film, STREAM))

    last = [answer.text.rsplit("event: ", 1)[1] for answer in answers]
    assert len(last) == NUM_ASKED
    assert {text.split("\r\n", 1)[0] for text in last} == {"report", "error"}
    assert all('"code":"overloaded"' in text for text in last if text.startswith("error"))


def test_what_was_refused_is_counted_as_unavailable(platform: Platform, film: bytes) -> None:
    """Of all that this module's tests have asked for."""
    deadline = time.monotonic() + 40
    while sum(counted(platform).values()) < 2 * NUM_ASKED and time.monotonic() < deadline:
        time.sleep(1)

    outcomes = counted(platform)
    assert set(outcomes) == {"ok", "unavailable"}
    assert outcomes.total() == 2 * NUM_ASKED


def test_a_leaver_of_a_stream_is_never_our_error(platform: Platform, film: bytes) -> None:
    before = counted(platform)
    for _ in range(20):
        with httpx.stream("POST", f"{platform.url}/v1/reports", files={"image": film}, headers=STREAM) as answer:
            next(answer.iter_lines())

    deadline = time.monotonic() + 40
    while (counted(platform) - before).total() < 20 and time.monotonic() < deadline:
        time.sleep(1)

    left = counted(platform) - before
    assert left.total() == 20 and "error" not in left
    # Whoever comes before the engine has let go of two leavers is refused.
    assert set(left) <= {"client_gone", "cancelled", "unavailable"}
