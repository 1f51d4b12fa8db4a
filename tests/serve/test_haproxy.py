"""HAProxy at the door: what clients see is what they see of Serve's own proxy."""

import contextlib
import ipaddress
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from httpx_sse import connect_sse

from loadtests.bench.films import large_films
from serve_app.cluster.haproxy import find_haproxy
from tests.serve.conftest import Platform, drawn_film, start
from tests.serve.test_platform import post

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.skipif(find_haproxy() is None, reason="haproxy is not installed"),
]
TOKEN_S = 0.1
MAX_UPLOAD_BYTES = 12_000_000


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose engine speaks slowly, and to one client at a time."""
    settings: dict[str, object] = {
        "gateway": {"max_upload_bytes": MAX_UPLOAD_BYTES},
        "engine": {"backend": "scripted", "scripted": {"token_s": TOKEN_S}, "scaling": {"max_ongoing_requests": 1}},
    }
    folder = tmp_path_factory.mktemp("haproxy")
    doors = []
    for platform in start(folder, settings, "--proxy", "haproxy"):
        doors = platform.processes("haproxy -db")
        yield platform
    assert doors and not any(door.is_running() for door in doors)


@pytest.fixture
def film(tmp_path: Path) -> bytes:
    return drawn_film(tmp_path, 51).read_bytes()


@contextlib.contextmanager
def streamed(platform: Platform, film: bytes) -> Iterator[Iterator[tuple[str, float]]]:
    """A report's events as they come, each with the time since the request."""
    started = time.monotonic()
    with (
        httpx.Client(timeout=60) as client,
        connect_sse(client, "POST", f"{platform.url}/v1/reports", files={"image": film}) as source,
    ):
        yield ((event.event, time.monotonic() - started) for event in source.iter_sse())


def test_a_report_comes_whole_and_word_by_word(platform: Platform, film: bytes) -> None:
    whole = post(platform, film)
    with streamed(platform, film) as events:
        told = list(events)

    assert whole.status_code == 200 and whole.json()["status"] == "draft"
    assert (told[0][0], told[-1][0]) == ("prepared", "report")
    words_s = [at_s for name, at_s in told if name == "findings.delta"]
    pauses_s = [after - before for before, after in itertools.pairwise(words_s)]
    # Held back, they would come in one piece.
    assert sum(pause_s > TOKEN_S / 2 for pause_s in pauses_s) > 0.8 * len(pauses_s) > 5


def test_refusals_are_the_gateways_own(platform: Platform) -> None:
    too_large = post(platform, bytes(MAX_UPLOAD_BYTES + 1_000_000))
    not_an_image = post(platform, b"no image at all")

    for answer, status, code in ((too_large, 413, "upload-too-large"), (not_an_image, 415, "not-an-image")):
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers.get_list("x-request-id") == [answer.json()["request_id"]]


def test_a_film_of_nine_megabytes_passes(platform: Platform) -> None:
    (film,) = large_films(52, 1, 9_000_000)

    assert len(film) > 9_000_000 and post(platform, film).status_code == 200


def test_the_clients_own_request_id_comes_back_once(platform: Platform) -> None:
    answer = httpx.get(f"{platform.url}/readyz", headers={"X-Request-Id": "hospital-7"})

    assert answer.status_code == 200
    assert answer.headers.get_list("x-request-id") == ["hospital-7"]


def test_a_client_that_leaves_makes_room_for_the_next(platform: Platform, film: bytes) -> None:
    """The engine takes one at a time: whoever came after would wait for the rest of the first report."""
    with streamed(platform, film) as events:
        next(at_s for name, at_s in events if name == "findings.delta")
    with streamed(platform, film) as events:
        first_word_s = next(at_s for name, at_s in events if name == "findings.delta")

    assert first_word_s < 10 * TOKEN_S


def test_a_client_that_leaves_is_no_mistake_of_the_gateways(platform: Platform, film: bytes) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{platform.url}/v1/reports", files={"image": film}, timeout=5 * TOKEN_S)
    assert post(platform, film).status_code == 200

    log = platform.replica_logs("gateway")
    assert "POST /v1/reports 200" in log
    assert "ERROR" not in log and "Traceback" not in log


def test_nobody_beyond_this_machine_reaches_the_door_or_what_is_behind_it(platform: Platform) -> None:
    """What else HAProxy has open are its counters, whose place Ray does not let us choose."""
    (door,) = platform.processes("haproxy -db")
    (gateway,) = platform.processes("ServeReplica:clara:gateway")
    port = int(platform.url.rpartition(":")[2])

    (door_host,) = [place.ip for place in _listened(door) if place.port == port]
    behind = [place.ip for place in _listened(gateway) if 30000 <= place.port < 31000]

    assert behind
    assert all(ipaddress.ip_address(host).is_loopback for host in (door_host, *behind))


def test_large_headers_are_refused_by_haproxy_itself(platform: Platform) -> None:
    """A difference: Serve's own proxy takes them, and HAProxy knows nothing of problem documents."""
    answer = httpx.get(f"{platform.url}/healthz", headers={"X-Large": "a" * 20_000})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/html"


def test_a_gateway_that_died_is_replaced(platform: Platform, film: bytes) -> None:
    (victim,) = platform.processes("ServeReplica:clara:gateway")
    victim.kill()
    victim.wait(timeout=10)
    platform.wait_for_processes(1, "ServeReplica:clara:gateway")
    platform.wait_until_ready()

    assert post(platform, film).status_code == 200


def _listened(process: psutil.Process) -> list[Any]:
    return [found.laddr for found in process.net_connections("inet") if found.status == psutil.CONN_LISTEN]
