"""Replicas come and go: at rest, one dead among live ones, and one with more to do than it takes."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from loadtests.bench.films import large_films
from tests.serve.conftest import Platform, drawn_film, start
from tests.serve.test_platform import post

pytestmark = pytest.mark.cluster


def scripted(**scaling: float) -> dict[str, object]:
    return {"engine": {"backend": "scripted", "scaling": {"upscale_delay_s": 0, **scaling}}}


@pytest.fixture
def resting_platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform whose engine may have no replica."""
    yield from start(tmp_path, scripted(min_replicas=0))


@pytest.fixture(scope="module")
def twin_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform with two replicas of the gateway and of the engine, whose orchestrator has replicas of its own."""
    settings = scripted(min_replicas=2, max_replicas=2, num_cpus=0.2, max_ongoing_requests=5)
    twins = {"gateway": {"scaling": {"min_replicas": 2, "max_replicas": 2}}}
    separate = {"orchestrator": {"placement": "separate"}}
    yield from start(tmp_path_factory.mktemp("twin"), {**settings, **twins, **separate})


@pytest.fixture(scope="module")
def narrow_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose door lets one report in and one wait, and whose engine speaks slowly."""
    settings = {
        "gateway": {"scaling": {"max_ongoing_requests": 1, "max_queued_requests": 1}},
        "engine": {"backend": "scripted", "scripted": {"token_s": 0.1}},
    }
    yield from start(tmp_path_factory.mktemp("narrow"), settings)


def test_a_resting_engine_is_ready_and_wakes_for_a_report(resting_platform: Platform, tmp_path: Path) -> None:
    resting = httpx.get(f"{resting_platform.url}/readyz")
    report = post(resting_platform, drawn_film(tmp_path, 31).read_bytes())
    awake = httpx.get(f"{resting_platform.url}/readyz")

    assert (resting.status_code, resting.json()["reason"]) == (200, "at-zero")
    assert report.status_code == 200
    assert (awake.status_code, awake.json()["reason"]) == (200, "serving")


def test_the_orchestrator_runs_where_it_is_told_to(resting_platform: Platform, twin_platform: Platform) -> None:
    assert not resting_platform.processes("ServeReplica:clara:orchestrator")
    assert twin_platform.processes("ServeReplica:clara:orchestrator")


def test_a_film_of_nine_megabytes_reaches_an_orchestrator_apart(twin_platform: Platform) -> None:
    (film,) = large_films(53, 1, 9_000_000)

    assert len(film) > 9_000_000 and post(twin_platform, film).status_code == 200


def test_what_is_the_clients_to_mend_passes_an_orchestrator_whole(twin_platform: Platform) -> None:
    answer = post(twin_platform, b"no image at all")

    assert (answer.status_code, answer.json()["code"]) == (415, "not-an-image")
    log = twin_platform.replica_logs("orchestrator")
    assert "CALL report OK" in log and "Traceback" not in log


def test_gateways_share_the_slots_of_all_engines(twin_platform: Platform) -> None:
    deadline = time.monotonic() + 60
    while twin_platform.replica_logs("gateway").count("slots: 5 of 10, shared by 2 gateways") < 2:
        assert time.monotonic() < deadline, twin_platform.replica_logs("gateway")
        time.sleep(0.5)


def test_a_film_keeps_to_its_replica(twin_platform: Platform, tmp_path: Path) -> None:
    """The scripted engine has tokens in its cache only where the film has been before."""
    films = [drawn_film(tmp_path, seed).read_bytes() for seed in range(40, 46)]

    first, again = ([post(twin_platform, film).json()["turns"] for film in films] for _ in range(2))

    assert all(turn_1["cached_tokens"] == 0 and turn_2["cached_tokens"] > 0 for turn_1, turn_2 in first)
    assert all(turn["cached_tokens"] > 0 for turns in again for turn in turns)


def test_one_dead_replica_among_live_ones_stops_nothing(twin_platform: Platform, tmp_path: Path) -> None:
    film = drawn_film(tmp_path, 32).read_bytes()
    victim, _ = twin_platform.processes("ServeReplica:clara:engine")

    victim.kill()

    until = time.monotonic() + 8
    while time.monotonic() < until:
        assert httpx.get(f"{twin_platform.url}/readyz", timeout=10).status_code == 200
        assert post(twin_platform, film).status_code == 200


def test_who_finds_the_door_full_is_told_when_to_come_back(narrow_platform: Platform, tmp_path: Path) -> None:
    film = drawn_film(tmp_path, 33).read_bytes()

    with ThreadPoolExecutor(6) as clients:
        answers = list(clients.map(lambda _: post(narrow_platform, film), range(6)))

    refused = [answer for answer in answers if answer.status_code != 200]
    assert 2 <= len(refused) < len(answers)
    for answer in refused:
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert int(answer.headers["content-length"]) == len(answer.content)


def test_who_was_in_a_gateway_that_died_is_told_by_a_problem(narrow_platform: Platform, tmp_path: Path) -> None:
    film = drawn_film(tmp_path, 34).read_bytes()
    (gateway,) = narrow_platform.processes("ServeReplica:clara:gateway")
    threading.Timer(1.0, gateway.kill).start()

    answer = post(narrow_platform, film)

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"] and answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "actor" not in answer.text.lower()
    narrow_platform.wait_until_ready()
    assert post(narrow_platform, film).status_code == 200
