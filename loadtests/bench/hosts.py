"""Each target in a process of its own: what it costs is what that process and its children cost."""

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
"""Starts what a target needs, its logs in a folder, for as long as the context lasts; can be pickled."""

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
    "loadtests.bench.seed": "seed",
    "tritonserver": "server",
    "triton_python_backend_stub": "server",
    # What Ray runs besides: raylet, gcs_server, agents, controller.
    "ray::": "ray",
    "/ray/": "ray",
}


class HostEnded(Exception):
    """A target's process is gone."""


@dataclass(slots=True)
class Host:
    """One target's process, and the most memory that its processes had, in bytes."""

    connection: Connection
    process: psutil.Process
    peak_bytes: Counter[str] = field(default_factory=Counter)

    def run(self, films: list[bytes], num_clients: int) -> Round:
        """Let the target make reports of these films, and note the processor time of each of its parts."""
        self.connection.send(films)
        # It has looked at them: what that took is before the round.
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
    """Run every target in turn, round after round, and tell which; each round has films that no cache has seen.

    The first round warms up and is thrown away.
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
        HostEnded: its process ended; what it said is above.
    """
    here, there = multiprocessing.Pipe()
    # Not forked: nothing of another target's memory is in this one's.
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(opener, folder, there))
    process.start()
    # Only the process holds its end now: when it dies, who waits here is told.
    there.close()
    try:
        # The target says that it is up.
        here.recv()
        yield Host(here, psutil.Process(process.pid))
    except EOFError as error:
        raise HostEnded(f"the process of {name} ended; above is what it said") from error
    finally:
        with contextlib.suppress(OSError):
            here.send(None)
        process.join(timeout=120)
        process.kill()


def _work(opener: Opener, folder: Path, connection: Connection) -> None:
    """Be one target's process: look at films that come, report on them for the clients that come, until None comes."""
    prepare_environment(Settings())
    with opener(folder) as target:
        asyncio.run(_serve(target, connection))


async def _serve(target: Target, connection: Connection) -> None:
    await target.start()
    connection.send("up")
    films: list[bytes] = []
    while (asked := await asyncio.to_thread(connection.recv)) is not None:
        if isinstance(asked, list):
            films = asked
            await target.look_at(films)
            connection.send("looked at")
        else:
            connection.send(await run_round(target, films, asked))
    await target.stop()


def cpu_s(process: psutil.Process) -> dict[str, float]:
    """Processor seconds so far of a process and of all it started, by what they are."""
    spent: defaultdict[str, float] = defaultdict(float)
    for one, name in _family(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            spent[name] += times.user + times.system
    return dict(spent)


def memory_bytes(process: psutil.Process) -> Counter[str]:
    """Memory of a process and all it started, by what they are; what several share is counted once, in parts."""
    held: Counter[str] = Counter()
    for one, name in _family(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            held[name] += one.memory_full_info().pss
    return held


def _family(process: psutil.Process) -> Iterator[tuple[psutil.Process, str]]:
    """The process itself is `client`: it drives the load, and holds the engine where that is in the same process."""
    yield process, "client"
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            yield child, part(" ".join(child.cmdline()))


def part(command_line: str) -> str:
    """Name what a process is by its command line."""
    return next((name for mark, name in _NAMES.items() if mark in command_line), "other")
