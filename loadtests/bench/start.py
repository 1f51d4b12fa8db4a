"""Times a start: `clara up` as a user runs it, and a new engine after the old one was killed.

Every start has an empty home, as on a new machine, so no cache there shortens it.
"""

import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from loadtests.bench.origin import origin
from loadtests.bench.servers import free_port
from serve_app.client import Client, ClientError

_PHASE = re.compile(r"\s*\d+\.\d s  (?P<name>\S.*) took (?P<took_s>\d+\.\d) s\s*")
_IS_UP = "CLARA is up"
CORE = "VLLM::EngineCore"
"""What vLLM calls the process of the model."""
_TIMEOUT_S = 600
_POLL_S = 0.1


class NotUp(Exception):
    """The platform did not start or did not recover. The message has its output."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start in seconds: until ready, each phase by name, and from the kill of the engine until ready again."""

    ready_s: float
    phases_s: dict[str, float]
    again_s: float


def read_phase(line: str) -> tuple[str, float] | None:
    """Parse a phase and its seconds from a line of `clara up`, or return None."""
    found = _PHASE.fullmatch(line)
    return (found["name"], float(found["took_s"])) if found else None


def measure_start(num_starts: int, console: Console) -> dict[str, Any]:
    """Start the platform several times, kill its engine each time, and print the medians.

    The first start fills the page cache and is discarded.
    """
    starts: list[Start] = []
    for number in range(num_starts + 1):
        start = _start()
        console.print(f"start {number}: ready after {start.ready_s:.1f} s, again after {start.again_s:.1f} s")
        if number > 0:
            starts.append(start)
    measured = figures(starts)
    console.print(_table(measured))
    return {**origin(), "starts": num_starts, **measured}


def figures(starts: Sequence[Start]) -> dict[str, Any]:
    """Summarise starts: every time until ready, and the medians."""
    return {
        "ready_s": [round(start.ready_s, 2) for start in starts],
        "ready_median_s": _median_s(start.ready_s for start in starts),
        "engine_killed_to_ready_median_s": _median_s(start.again_s for start in starts),
        "phases_median_s": {name: _median_s(start.phases_s[name] for start in starts) for name in starts[0].phases_s},
    }


def _median_s(times_s: Iterable[float]) -> float:
    return round(statistics.median(times_s), 2)


def _start() -> Start:
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        began = time.monotonic()
        with clara_up(port, Path(home)) as (process, lines):
            phases = dict(filter(None, (read_phase(line) for line in lines)))
            ready_s = time.monotonic() - began
            url = f"http://127.0.0.1:{port}"
            if not _is_ready(url):
                raise NotUp("it reports that it is up, but /readyz does not")
            return Start(ready_s, phases, _kill_engine(process, url))


@contextlib.contextmanager
def clara_up(port: int, home: Path) -> Iterator[tuple[int, list[str]]]:
    """Run `clara up`; once it is up, yield its process id and its output. Stop it as Ctrl-C does."""
    clara = Path(sys.executable).parent / "clara"
    command = [str(clara), "up", "--port", str(port), "--metrics-port", str(free_port())]
    log = home / "up.log"
    with log.open("wb") as output:
        environment = {**os.environ, "HOME": str(home), "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: _IS_UP in log.read_text() or process.poll() is not None)
        if process.poll() is not None:
            raise NotUp(log.read_text())
        yield process.pid, log.read_text().splitlines()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)


def _kill_engine(pid: int, url: str) -> float:
    """Kill the model's process, and return the seconds until its replacement answers."""
    (core,) = (one for one in psutil.Process(pid).children(recursive=True) if CORE in " ".join(one.cmdline()))
    core.kill()
    began = time.monotonic()
    wait_until(lambda: not _is_ready(url))
    wait_until(lambda: _is_ready(url))
    return time.monotonic() - began


def _is_ready(url: str) -> bool:
    with Client(url) as client:
        try:
            return client.readiness().status == "ready"
        except ClientError:
            return False


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so.

    Raises:
        NotUp: it is not, after minutes.
    """
    deadline = time.monotonic() + _TIMEOUT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise NotUp(f"nothing happened for {_TIMEOUT_S} s")
        time.sleep(_POLL_S)


def _table(measured: dict[str, Any]) -> Table:
    table = Table("what", "median, s")
    table.add_row("clara up to ready", f"{measured['ready_median_s']:.1f}")
    for name, took_s in measured["phases_median_s"].items():
        table.add_row(f"  {name}", f"{took_s:.1f}")
    table.add_row("engine killed to ready", f"{measured['engine_killed_to_ready_median_s']:.1f}")
    return table
