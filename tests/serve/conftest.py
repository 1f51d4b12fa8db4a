"""Platforms started as a user starts them: `clara up` in a process of its own."""

import contextlib
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import yaml
from PIL import Image

from loadtests.bench.servers import free_port
from training.phantoms import draw, sample

CONNECT_WATCH = Path(__file__).parent / "connect_watch"
# What vLLM calls its core, and how Python starts it, for not every core can be given a title (LOG.md).
CORE = ("VLLM::EngineCore", "multiprocessing.spawn")


@dataclass(frozen=True)
class Platform:
    """A running `clara up`."""

    url: str
    metrics_url: str
    process: subprocess.Popen[bytes]
    connect_log: Path
    log: Path
    verify: ssl.SSLContext | bool = True
    """Whom a client trusts that asks it."""

    def processes(self, *names: str) -> list[psutil.Process]:
        """Find the platform's own processes whose command line holds one of these names."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if any(name in _command_line(child) for name in names)]

    def wait_for_processes(self, number: int, *names: str, timeout_s: float = 120) -> list[psutil.Process]:
        """Wait until the platform has so many processes of these names; if it never has, say which it had."""
        deadline = time.monotonic() + timeout_s
        while len(found := self.processes(*names)) != number:
            if time.monotonic() > deadline:
                seen = [_command_line(process) for process in found]
                raise AssertionError(f"{number} processes expected, {seen} found; the log ends: {self.log_end()}")
            time.sleep(0.5)
        return found

    def replica_logs(self, deployment: str) -> str:
        """Read what Serve has written into the logs of a deployment's replicas."""
        replicas = self.processes(f"ServeReplica:clara:{deployment}")
        files = {file.path for replica in replicas for file in replica.open_files() if file.path.endswith(".log")}
        return "\n".join(Path(path).read_text(encoding="utf-8") for path in files)

    def log_end(self, num_characters: int = 6000) -> str:
        """Show the end of what the platform has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-num_characters:]

    def wait_for_line(self, words: str, timeout_s: float = 120) -> None:
        """Wait until it has printed these words."""
        deadline = time.monotonic() + timeout_s
        while words not in self.log_end():
            if time.monotonic() > deadline:
                raise AssertionError(f"clara up does not say {words}; the log ends: {self.log_end()}")
            time.sleep(0.1)

    def wait_until_up(self, timeout_s: float = 420) -> None:
        """Wait until it says that all its replicas are up; /readyz is content with one."""
        self.wait_until_ready(timeout_s=timeout_s)
        deadline = time.monotonic() + timeout_s
        while "CLARA is up" not in self.log_end():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"clara up does not say that it is up; the log ends: {self.log_end()}")
            time.sleep(0.1)

    def wait_until_ready(self, is_ready: bool = True, timeout_s: float = 420) -> None:
        """Wait for /readyz to say so."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"clara up ended with {self.process.returncode}")
            if _is_ready(self.url, self.verify) is is_ready:
                return
            time.sleep(0.5)
        raise AssertionError(f"/readyz did not become {is_ready} within {timeout_s} s")


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.NoSuchProcess:
        return ""


def _is_ready(url: str, verify: ssl.SSLContext | bool) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=10, verify=verify).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def start(
    folder: Path, settings: dict[str, object], *options: str, verify: ssl.SSLContext | bool = True
) -> Iterator[Platform]:
    """Start a platform with settings that differ from the defaults, and stop it as Ctrl-C does."""
    with starting(folder, settings, *options, verify=verify) as platform:
        platform.wait_until_up()
        yield platform


@contextlib.contextmanager
def starting(
    folder: Path, settings: dict[str, object], *options: str, verify: ssl.SSLContext | bool = True
) -> Iterator[Platform]:
    """The same, without waiting until it is up."""
    config = folder / "settings.yaml"
    config.write_text(yaml.safe_dump(settings))
    port, metrics_port = free_port(), free_port()
    connect_log = folder / "connections.log"
    clara = Path(sys.executable).parent / "clara"
    command = [clara, "up", "--config", config, "--port", str(port), "--metrics-port", str(metrics_port), *options]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(CONNECT_WATCH), os.environ.get("PYTHONPATH")])),
        "CLARA_CONNECT_LOG": str(connect_log),
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
    }
    up_log = folder / "up.log"
    with up_log.open("wb") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A shell makes what it starts in the background ignore SIGINT, and its children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    scheme = "https" if "--tls" in options else "http"
    platform = Platform(
        f"{scheme}://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics", process, connect_log, up_log, verify
    )
    try:
        yield platform
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=90)
    finally:
        process.kill()
        _, alive = psutil.wait_procs(children, timeout=30)
        for child in alive:
            child.kill()


@pytest.fixture(scope="module")
def scripted_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Everything real but the model."""
    yield from start(tmp_path_factory.mktemp("scripted"), {"engine": {"backend": "scripted"}})


@pytest.fixture(scope="module")
def vllm_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Everything real: the demo model on vLLM's CPU backend."""
    yield from start(tmp_path_factory.mktemp("vllm"), {})


def drawn_film(folder: Path, seed: int) -> Path:
    """Draw the phantom of one seed into a PNG file."""
    path = folder / f"film-{seed}.png"
    Image.fromarray(draw(sample(np.random.default_rng(seed)))).save(path)
    return path
