"""Runs each target in its own process, and measures the cost of that process and its children."""

import asyncio
import contextlib
import multiprocessing
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from loadtests.bench.rounds import Round, run_round
from loadtests.bench.targets import Target
from serve_app.cluster.environment import prepare_environment
from serve_app.settings import Settings

Opener = Callable[[Path], AbstractContextManager[Target]]
"""A context that starts a target with everything it needs; logs go to the folder. Picklable."""

_NAMES = {
    "ServeReplica:clara:gateway": "gateway",
    "ServeReplica:clara:orchestrator": "orchestrator",
    "ServeReplica:clara:preprocessor": "preprocessor",
    "ServeReplica:clara:engine": "engine replica",
    "EngineCore": "engine",
    "VLLM::Worker": "engine",
    "ProxyActor": "proxy",
    "haproxy -db": "proxy",
    "api_server": "server",
    "APIServer": "server",
    "loadtests.bench.first_version": "first version",
    "tritonserver": "server",
    "triton_python_backend_stub": "server",
    # Ray's other processes: raylet, gcs_server, agents, controller.
    "ray::": "ray",
    "/ray/": "ray",
}


class HostEnded(Exception):
    """A target's process has ended."""


@dataclass(slots=True)
class Host:
    """One target's process, and the peak memory of its parts, in bytes."""

    connection: Connection
    process: psutil.Process
    peak_bytes: Counter[str] = field(default_factory=Counter)

    def run(self, films: list[bytes], num_clients: int) -> Round:
        """Have the target report on these images, and measure the processor time of each of its parts."""
        self.connection.send(films)
        # The target has preloaded them, so that its preparation does not count.
        self.connection.recv()
        before = cpu_s(self.process)
        self.connection.send(num_clients)
        done: Round = self.connection.recv()
        spent = {name: total - before.get(name, 0.0) for name, total in cpu_s(self.process).items()}
        self.peak_bytes |= memory_bytes(self.process)
        return replace(done, cpu_s=spent)


def interleaved(
    hosts: Mapping[str, Host],
    draw: Callable[[int], list[bytes]],
    num_clients: int,
    num_rounds: int,
    tell: Callable[[str], None],
) -> dict[str, list[Round]]:
    """Run every target in turn, round after round, and print its name. Each round has images that no cache contains.

    The first round warms up and is discarded.
    """
    rounds: dict[str, list[Round]] = {name: [] for name in hosts}
    for number in range(num_rounds + 1):
        films = draw(number)
        for name, host in hosts.items():
            tell(f"{num_clients} clients  round {number}  {name}")
            done = host.run(films, num_clients)
            if number > 0:
                rounds[name].append(done)
    return rounds


@contextlib.contextmanager
def hosted(name: str, opener: Opener, folder: Path) -> Iterator[Host]:
    """Run a target until the context ends.

    Raises:
        HostEnded: its process ended; its output is above.
    """
    here, there = multiprocessing.Pipe()
    # Spawned, not forked, so that it shares no memory with another target.
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(opener, folder, there))
    process.start()
    # Now only the process has its end: if it dies, `recv` here raises EOFError.
    there.close()
    try:
        # The target reports that it is up.
        here.recv()
        yield Host(here, psutil.Process(process.pid))
    except EOFError as error:
        raise HostEnded(f"the process of {name} ended; its output is above") from error
    finally:
        with contextlib.suppress(OSError):
            here.send(None)
        process.join(timeout=120)
        process.kill()


def _work(opener: Opener, folder: Path, connection: Connection) -> None:
    """Run one target's process: preload the images that arrive, report on them with the given clients, until None."""
    prepare_environment(Settings())
    with opener(folder) as target:
        asyncio.run(_serve(target, connection))


async def _serve(target: Target, connection: Connection) -> None:
    await target.start()
    try:
        await _obey(target, connection)
    finally:
        # An engine's processes would keep this one from ending, and its error from being printed.
        await target.stop()


async def _obey(target: Target, connection: Connection) -> None:
    connection.send("up")
    films: list[bytes] = []
    while (asked := await asyncio.to_thread(connection.recv)) is not None:
        if isinstance(asked, list):
            films = asked
            await target.preload(films)
            connection.send("preloaded")
        else:
            connection.send(await run_round(target, films, asked))


def cpu_s(process: psutil.Process) -> dict[str, float]:
    """Sum the processor seconds of a process and its descendants, by part."""
    spent: defaultdict[str, float] = defaultdict(float)
    for one, name in _family(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            spent[name] += times.user + times.system
    return dict(spent)


def memory_bytes(process: psutil.Process) -> Counter[str]:
    """Sum the memory of a process and its descendants, by part. Shared memory is divided among its users."""
    held: Counter[str] = Counter()
    for one, name in _family(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            held[name] += one.memory_full_info().pss
    return held


def _family(process: psutil.Process) -> Iterator[tuple[psutil.Process, str]]:
    """Yield a process and its descendants with their parts. The process itself, which drives the load, is `client`."""
    yield process, "client"
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            yield child, part(" ".join(child.cmdline()))


def part(command_line: str) -> str:
    """Return a process's part by its command line."""
    return next((name for mark, name in _NAMES.items() if mark in command_line), "other")
