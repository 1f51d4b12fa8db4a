"""The engines against each other: each in a process of its own, all up at once, the same films through each in turn."""

import asyncio
import contextlib
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from loadtests.bench.measure import drawn_films, origin
from loadtests.bench.rounds import Round, run_round, summary
from loadtests.bench.servers import triton_server, vllm_server
from loadtests.bench.targets import InProcess
from serve_app.imaging.preparer import LocalPreparer
from serve_app.launch import prepare_environment
from serve_app.ports import Engine
from serve_app.reasoning.two_turn import TwoTurnReporter
from serve_app.settings import OpenAISettings, Settings, TritonSettings


@contextlib.contextmanager
def _vllm(log: Path) -> Iterator[Engine]:
    from serve_app.engines.vllm_engine import VllmEngine

    settings = Settings()
    yield VllmEngine(settings.model, settings.engine, settings.preprocessor.max_visual_tokens)


@contextlib.contextmanager
def _transformers(log: Path) -> Iterator[Engine]:
    from serve_app.engines.transformers_engine import TransformersEngine

    settings = Settings()
    yield TransformersEngine(settings.model, settings.engine, settings.preprocessor.max_visual_tokens)


@contextlib.contextmanager
def _triton(log: Path) -> Iterator[Engine]:
    from serve_app.engines.triton_engine import TritonEngine

    with triton_server(log) as address:
        yield TritonEngine(TritonSettings(address=address))


@contextlib.contextmanager
def _openai(log: Path) -> Iterator[Engine]:
    from serve_app.engines.openai_engine import OpenAIEngine

    with vllm_server(log) as url:
        yield OpenAIEngine(OpenAISettings(base_url=url, is_vllm=True))


MAKERS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Engine]]] = {
    "vllm": _vllm,
    "transformers": _transformers,
    "triton": _triton,
    "openai": _openai,
}
"""Each engine with the demo model and with the server that it speaks to, whose log goes to the file that is given; each
imports what it needs alone. The others' reports are held against the first's; openai is vLLM's own server."""
_FIRST = next(iter(MAKERS))
_MIB = 1024**2


class EngineEnded(Exception):
    """An engine's process is gone."""


@dataclass(slots=True)
class _Host:
    """One engine's process, and what was measured of it."""

    connection: Connection
    process: psutil.Process
    rounds: list[Round] = field(default_factory=list)
    peak_bytes: int = 0

    def run(self, films: list[bytes], num_clients: int) -> Round:
        self.connection.send((films, num_clients))
        done: Round = self.connection.recv()
        self.peak_bytes = max(self.peak_bytes, _memory_bytes(self.process))
        return done


def measure_engines(num_clients: int, num_films: int, num_rounds: int, console: Console) -> dict[str, Any]:
    """Start every engine, let each write the same reports in turn, and print the table.

    The first round warms up and is thrown away; each round has films that no cache has seen.
    """
    with contextlib.ExitStack() as started, tempfile.TemporaryDirectory() as folder:
        hosts = {name: started.enter_context(_host(name, Path(folder))) for name in MAKERS}
        for number in range(num_rounds + 1):
            films = drawn_films(9000 + number, num_films)
            for name, host in hosts.items():
                console.print(f"round {number}  {name}")
                done = host.run(films, num_clients)
                if number > 0:
                    host.rounds.append(done)
    first = hosts[_FIRST].rounds
    measured = {name: figures(host.rounds, first, host.peak_bytes) for name, host in hosts.items()}
    console.print(_table(measured))
    return {
        **origin(),
        "clients": num_clients,
        "films_per_round": num_films,
        "rounds": num_rounds,
        "engines": measured,
    }


@contextlib.contextmanager
def _host(name: str, folder: Path) -> Iterator[_Host]:
    here, there = multiprocessing.Pipe()
    # Not forked: nothing of another engine's memory is in this one's.
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(name, folder, there))
    process.start()
    # Only the process holds its end now: when it dies, who waits here is told.
    there.close()
    try:
        # The engine says that it is up.
        here.recv()
        yield _Host(here, psutil.Process(process.pid))
    except EOFError as error:
        raise EngineEnded(f"the process of the engine {name} ended; above is what it said") from error
    finally:
        with contextlib.suppress(OSError):
            here.send(None)
        process.join(timeout=120)
        process.kill()


def _work(name: str, folder: Path, connection: Connection) -> None:
    """Be one engine's process: make reports for films that come, until None comes."""
    prepare_environment(Settings())
    with MAKERS[name](folder / f"{name}.log") as engine:
        asyncio.run(_serve(engine, connection))


async def _serve(engine: Engine, connection: Connection) -> None:
    settings = Settings()
    await engine.start()
    target = InProcess(TwoTurnReporter(LocalPreparer(settings.preprocessor), engine, settings.orchestrator))
    connection.send("up")
    while (asked := await asyncio.to_thread(connection.recv)) is not None:
        films, num_clients = asked
        connection.send(await run_round(target, films, num_clients))
    await engine.stop()


def figures(rounds: list[Round], first: list[Round], peak_bytes: int) -> dict[str, float]:
    """Sum up an engine's rounds, and count the reports that are the first engine's, word for word."""
    samples = [sample for one in rounds for sample in one.samples]
    texts, expected = _texts(rounds), _texts(first)
    return {
        **summary(rounds),
        "per_token_s": statistics.median(
            (one.report_s - one.first_token_s) / max(1, one.completion_tokens - 1) for one in samples
        ),
        "memory_mib": peak_bytes / _MIB,
        "num_reports": len(samples),
        f"num_same_as_{_FIRST}": sum(text == expected[film] for film, text in texts.items()),
    }


def _texts(rounds: list[Round]) -> dict[tuple[int, int], str]:
    """What was written of each film, by round and number."""
    return {(number, one.number): one.text for number, round_ in enumerate(rounds) for one in round_.samples}


def _memory_bytes(process: psutil.Process) -> int:
    """Memory of a process and all it started; what several share is counted once, in parts."""
    family = [process, *process.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in family)


def _table(measured: dict[str, dict[str, float]]) -> Table:
    keys = list(next(iter(measured.values())))
    table = Table("what", *measured)
    for key in keys:
        table.add_row(key, *(f"{of_one[key]:.4g}" for of_one in measured.values()))
    return table
