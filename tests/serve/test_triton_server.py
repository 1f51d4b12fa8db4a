"""The platform over the real Triton: it reports, says when the server is gone, and goes on when it is back."""

import contextlib
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from loadtests.bench.servers import free_port, triton_server
from tests.contracts.triton_server import needs_triton
from tests.serve.conftest import Platform, drawn_film, start
from tests.serve.test_platform import post

pytestmark = [pytest.mark.cluster, pytest.mark.engine, pytest.mark.timeout(600), needs_triton]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Platform, contextlib.ExitStack, int]]:
    """A platform over Triton, and what takes Triton away."""
    with contextlib.ExitStack() as server:
        port = free_port()
        address = server.enter_context(triton_server(tmp_path / "triton.log", port))
        for platform in start(tmp_path, {"engine": {"backend": "triton", "triton": {"address": address}}}):
            yield platform, server, port


def kill_servers(port: int) -> None:
    """End tritonserver and its python backend at once, as a machine that goes away does."""
    (server,) = [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "tritonserver" and f"--grpc-port={port}" in process.info["cmdline"]
    ]
    for process in [*server.children(recursive=True), server]:
        process.send_signal(signal.SIGKILL)


def test_a_server_that_goes_away_under_load_is_said_and_comes_back(
    served: tuple[Platform, contextlib.ExitStack, int], tmp_path: Path
) -> None:
    platform, server, port = served
    films = [drawn_film(tmp_path, seed).read_bytes() for seed in range(50, 58)]

    report = post(platform, films[0], age="63", sex="nam").json()
    assert report["model"] == "clara" and report["status"] == "draft"
    assert report["findings"]["items"] and report["impression"]["items"]

    with ThreadPoolExecutor(len(films) * 2) as doctors:
        answers = [doctors.submit(post, platform, film) for film in films * 2]
        # What is under way at the kill is what the test is about: two reports or so are done by now.
        time.sleep(0.7)
        kill_servers(port)
        told = [answer.result(timeout=120) for answer in answers]

    codes = [answer.status_code for answer in told]
    assert set(codes) <= {200, 503} and 503 in codes
    for refused in told:
        if refused.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            assert refused.json()["code"] == "engine-gone"
            assert int(refused.headers["Retry-After"]) > 0
        else:
            assert refused.json()["impression"]["status"] == "complete"
    assert httpx.get(f"{platform.url}/readyz", timeout=30).status_code == httpx.codes.SERVICE_UNAVAILABLE
    server.close()

    with triton_server(tmp_path / "triton-again.log", port):
        platform.wait_until_ready(timeout_s=60)
        assert post(platform, films[0]).json()["findings"]["status"] == "complete"
