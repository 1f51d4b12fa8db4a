"""Compares the engines: each in its own process, all up at once, with the same images in turn."""

import contextlib
import functools
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from loadtests.bench.films import drawn_films
from loadtests.bench.hosts import hosted, interleaved
from loadtests.bench.origin import origin
from loadtests.bench.rounds import Round, summary
from loadtests.bench.servers import triton_server, vllm_server
from loadtests.bench.targets import InProcess, Target
from serve_app.imaging.preparer import LocalPreparer
from serve_app.ports import Engine
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
"""Starts each engine with the demo model, and with its server if it has one, which logs to the given file. All others
are compared with the first. openai is vLLM's own server."""
_FIRST = next(iter(MAKERS))
_MIB = 1024**2


def measure_engines(num_clients: int, num_films: int, num_rounds: int, console: Console) -> dict[str, Any]:
    """Start every engine, have each write the same reports in turn, and print a table."""
    with contextlib.ExitStack() as started, tempfile.TemporaryDirectory() as folder:
        hosts = {
            name: started.enter_context(hosted(name, functools.partial(_in_process, name), Path(folder)))
            for name in MAKERS
        }
        rounds = interleaved(
            hosts, lambda number: drawn_films(9000 + number, num_films), num_clients, num_rounds, console.print
        )
        measured = {
            name: figures(rounds[name], rounds[_FIRST], host.peak_bytes.total()) for name, host in hosts.items()
        }
    console.print(_table(measured))
    return {
        **origin(),
        "clients": num_clients,
        "films_per_round": num_films,
        "rounds": num_rounds,
        "engines": measured,
    }


@contextlib.contextmanager
def _in_process(name: str, folder: Path) -> Iterator[Target]:
    with MAKERS[name](folder / f"{name}.log") as engine:
        yield InProcess(LocalPreparer(Settings().preprocessor), engine)


def figures(rounds: list[Round], first: list[Round], peak_bytes: int) -> dict[str, float]:
    """Summarise an engine's rounds, and count the reports that equal the first engine's."""
    samples = [sample for one in rounds for sample in one.samples]
    texts, expected = _texts(rounds), _texts(first)
    return {
        **summary(rounds),
        "per_token_s": statistics.median(
            (one.report_s - (one.first_token_s or 0)) / max(1, one.completion_tokens - 1) for one in samples
        ),
        "memory_mib": peak_bytes / _MIB,
        "num_reports": len(samples),
        f"num_same_as_{_FIRST}": sum(text == expected[film] for film, text in texts.items()),
    }


def _texts(rounds: list[Round]) -> dict[tuple[int, int], str]:
    """Return the reports by round and image number."""
    return {(number, one.number): one.text for number, round_ in enumerate(rounds) for one in round_.samples}


def _table(measured: dict[str, dict[str, float]]) -> Table:
    keys = list(next(iter(measured.values())))
    table = Table("what", *measured)
    for key in keys:
        table.add_row(key, *(f"{of_one[key]:.4g}" for of_one in measured.values()))
    return table
