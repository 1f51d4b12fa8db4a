"""Processes that die under a platform which stays: what is healthy stays too, and what is gone is said."""

import os
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from serve_app.settings import DEMO_CHECKPOINT
from tests.serve.conftest import CORE, Platform, drawn_film, start, starting
from tests.serve.test_platform import post

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
CONTROLLER, PREPROCESSOR, ENGINE = "ServeController", "ServeReplica:clara:preprocessor", "ServeReplica:clara:engine"


def replaced(platform: Platform, name: str) -> None:
    """Kill the one process of a name and wait for another."""
    (victim,) = platform.processes(name)
    victim.kill()
    victim.wait(timeout=10)
    (other,) = platform.wait_for_processes(1, name)
    assert other != victim


@pytest.mark.engine
def test_a_new_controller_keeps_the_engine_and_its_log_goes_on(vllm_platform: Platform, tmp_path: Path) -> None:
    """As every engine's libraries are loaded, vLLM's among them, which may close the log that a controller asks for."""
    before = vllm_platform.processes(ENGINE, *CORE)

    replaced(vllm_platform, CONTROLLER)
    # Once it replaces what is dead, it has judged what lives.
    replaced(vllm_platform, PREPROCESSOR)
    vllm_platform.wait_until_ready()

    assert post(vllm_platform, drawn_film(tmp_path, 61).read_bytes()).status_code == 200
    assert vllm_platform.processes(ENGINE, *CORE) == before
    assert "CALL converse OK" in vllm_platform.replica_logs("engine")


def test_a_dead_proxy_is_replaced_before_its_successor_could_miss_a_check(scripted_platform: Platform) -> None:
    """It has a minute for an answer, as a busy machine needs; a dead one is not given that."""
    (proxy,) = scripted_platform.processes("ProxyActor")

    proxy.kill()
    proxy.wait(timeout=10)

    scripted_platform.wait_until_ready(timeout_s=40)


@pytest.mark.parametrize(
    "name",
    [
        "dashboard/agent.py",
        pytest.param("raylet/raylet", marks=pytest.mark.slow),
        pytest.param("gcs_server", marks=pytest.mark.slow),
    ],
)
def test_a_platform_whose_ray_is_gone_ends_by_itself_and_says_so(name: str, tmp_path: Path) -> None:
    for platform in start(tmp_path, {"engine": {"backend": "scripted"}}):
        family = psutil.Process(platform.process.pid).children(recursive=True)
        (victim,) = platform.processes(name)

        victim.kill()

        assert platform.process.wait(timeout=60) == 1
        assert "the platform has ended, because Ray's" in platform.log_end()
        # Ray's agents ask a dead GCS for a while before they end.
        assert psutil.wait_procs(family, timeout=120)[1] == []


@pytest.mark.engine
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 15, marks=pytest.mark.slow)]
)
def test_a_start_that_is_interrupted_says_so_at_once_and_leaves_nothing(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    with starting(tmp_path, {}) as platform:
        platform.wait_for_line("engine updating")
        platform.wait_for_processes(1, *CORE)
        family = psutil.Process(platform.process.pid).children(recursive=True)

        platform.process.send_signal(number)

        platform.wait_for_line("stopping", timeout_s=3)
        assert platform.process.wait(timeout=30) == status
        assert psutil.wait_procs(family, timeout=30)[1] == []


@pytest.mark.engine
def test_why_a_core_does_not_start_is_the_last_line_after_the_first_attempt(tmp_path: Path) -> None:
    """Half of the weights are missing, which only the core's process notices."""
    broken = tmp_path / "broken"
    shutil.copytree(DEMO_CHECKPOINT, broken)
    os.truncate(broken / "model.safetensors", 1_000_000)

    with starting(tmp_path, {"model": {"source": str(broken)}}) as platform:
        assert platform.process.wait(timeout=300) == 1
        *_, stopping, reason = platform.log_end().splitlines()
        assert stopping.endswith("stopping")
        assert reason.startswith("engine cannot start: vLLM cannot start: SafetensorError: ")
