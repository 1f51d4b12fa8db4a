"""Kills one process of a platform after another under load, and times how long no report is finished.

The platform is `clara up` as a user runs it. The last victim takes Ray with it: the platform must then end by itself.
"""

import itertools
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from loadtests.bench.films import drawn_films
from loadtests.bench.origin import origin
from loadtests.bench.servers import free_port
from loadtests.bench.start import CORE, NotUp, clara_up, wait_until
from serve_app.client import Client, ClientError

VICTIMS = {
    "controller": "ServeController",
    "proxy": "ProxyActor",
    "gateway": "ServeReplica:clara:gateway",
    "preprocessor": "ServeReplica:clara:preprocessor",
}
"""What Serve must start again, by a part of its command line."""
LAST_VICTIM = "dashboard/agent.py"
"""Ray's metrics agent; its raylet ends with it."""
_ENGINE = ("ServeReplica:clara:engine", CORE)
_WINDOW_S = 30
_PAUSE_S = 0.1


@dataclass(slots=True)
class Load:
    """What the clients have seen: when each report was finished, by the monotonic clock, and how many failed."""

    finished_s: list[float] = field(default_factory=list)
    num_failed: int = 0

    def ask(self, url: str, films: Sequence[bytes], stop: threading.Event) -> None:
        """Ask for one report after another until told to stop."""
        with Client(url, max_retries=0) as client:
            for film in itertools.cycle(films):
                if stop.is_set():
                    return
                try:
                    client.report(film)
                    self.finished_s.append(time.monotonic())
                except ClientError:
                    self.num_failed += 1
                    stop.wait(_PAUSE_S)


@dataclass(frozen=True, slots=True)
class Death:
    """What one death cost: the longest time without a finished report, the failures, and healthy engine processes."""

    longest_gap_s: float
    num_reports: int
    num_failed: int
    is_engine_kept: bool


def longest_gap_s(finished_s: Sequence[float], began_s: float, ended_s: float) -> float:
    """Return the longest time within a window in which no report was finished."""
    inside = sorted(moment for moment in finished_s if began_s < moment < ended_s)
    return max(after - before for before, after in itertools.pairwise([began_s, *inside, ended_s]))


def measure_deaths(num_clients: int, console: Console) -> dict[str, Any]:
    """Kill the victims in turn and print what each death cost."""
    with tempfile.TemporaryDirectory() as home:
        port = free_port()
        with clara_up(port, Path(home)) as (pid, _), _load(f"http://127.0.0.1:{port}", num_clients) as load:
            deaths = {name: _death(pid, mark, load, console) for name, mark in VICTIMS.items()}
            ended_s, status = _last_death(pid)
    console.print(_table(deaths))
    console.print(f"metrics agent killed: clara up ended by itself after {ended_s:.1f} s with status {status}")
    return {
        **origin(),
        "clients": num_clients,
        "deaths": {name: asdict(death) for name, death in deaths.items()},
        "metrics_agent": {"clara_up_ended_s": ended_s, "status": status},
    }


@contextmanager
def _load(url: str, num_clients: int) -> Iterator[Load]:
    load, stop = Load(), threading.Event()
    films = [drawn_films(seed, 8, 1000) for seed in range(num_clients)]
    clients = [threading.Thread(target=load.ask, args=(url, own, stop), daemon=True) for own in films]
    for client in clients:
        client.start()
    try:
        wait_until(lambda: len(load.finished_s) >= num_clients)
        yield load
    finally:
        stop.set()
        for client in clients:
            client.join(timeout=60)


def _death(pid: int, mark: str, load: Load, console: Console) -> Death:
    """Kill a process, wait for its successor and for reports, and compare the engine's processes."""
    engine, num_reports, num_failed = _processes(pid, *_ENGINE), len(load.finished_s), load.num_failed
    (victim,) = _processes(pid, mark)
    victim.kill()
    began_s = time.monotonic()
    console.print(f"killed {mark}")
    wait_until(lambda: victim not in (found := _processes(pid, mark)) and len(found) == 1)
    time.sleep(max(0.0, began_s + _WINDOW_S - time.monotonic()))
    return Death(
        longest_gap_s=round(longest_gap_s(load.finished_s, began_s, time.monotonic()), 2),
        num_reports=len(load.finished_s) - num_reports,
        num_failed=load.num_failed - num_failed,
        is_engine_kept=_processes(pid, *_ENGINE) == engine,
    )


def _last_death(pid: int) -> tuple[float, int]:
    (victim,) = _processes(pid, LAST_VICTIM)
    platform = psutil.Process(pid)
    victim.kill()
    began_s = time.monotonic()
    try:
        status = platform.wait(timeout=120)
    except psutil.TimeoutExpired as error:
        raise NotUp("clara up does not end although its platform is gone") from error
    return round(time.monotonic() - began_s, 2), status or 0


def _processes(pid: int, *marks: str) -> list[psutil.Process]:
    """Find the platform's processes by a part of their command lines."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            command_line = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        if any(mark in command_line for mark in marks):
            found.append(process)
    return found


def _table(deaths: dict[str, Death]) -> Table:
    table = Table("killed", "longest gap, s", "reports", "failed", "engine kept")
    for name, death in deaths.items():
        kept = "yes" if death.is_engine_kept else "no"
        table.add_row(name, f"{death.longest_gap_s:.1f}", str(death.num_reports), str(death.num_failed), kept)
    return table
