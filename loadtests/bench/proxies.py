"""Compares Serve's own proxy and HAProxy in front of the same platform, with large images and a scripted engine."""

import contextlib
import functools
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from loadtests.bench.films import large_films
from loadtests.bench.hosts import hosted, interleaved
from loadtests.bench.origin import origin
from loadtests.bench.rounds import Round, cpu_s_per_report, ratios, summary
from loadtests.bench.servers import free_port
from loadtests.bench.targets import Platform, Target
from serve_app.launch import Proxy, platform
from serve_app.settings import EngineSettings, Settings

_DOOR = ("proxy", "gateway")


def measure_proxies(
    num_clients: int, num_films: int, num_rounds: int, sizes_mb: list[int], console: Console
) -> dict[str, Any]:
    """Start a platform with each proxy, have both report on the same images in turn, and print a table."""
    with contextlib.ExitStack() as started, tempfile.TemporaryDirectory() as folder:
        hosts = {
            proxy.value: started.enter_context(hosted(proxy, functools.partial(_reciting, proxy), Path(folder)))
            for proxy in Proxy
        }
        measured = {
            str(size_mb): figures(
                interleaved(
                    hosts, functools.partial(_films, size_mb, num_films), num_clients, num_rounds, console.print
                )
            )
            for size_mb in sizes_mb
        }
    console.print(_table(measured))
    return {
        **origin(),
        "clients": num_clients,
        "films_per_round": num_films,
        "rounds": num_rounds,
        "film_mb": measured,
    }


@contextlib.contextmanager
def _reciting(proxy: Proxy, folder: Path) -> Iterator[Target]:
    settings = Settings(engine=EngineSettings(backend="scripted"))
    with platform(settings, "127.0.0.1", free_port(), free_port(), lambda line: None, proxy) as url:
        yield Platform(url)


def _films(size_mb: int, num_films: int, number: int) -> list[bytes]:
    return large_films(1000 * size_mb + number, num_films, size_mb * 1_000_000)


def figures(rounds: dict[str, list[Round]]) -> dict[str, Any]:
    """Summarise each proxy and its cost by part, and the ratio of HAProxy to Serve's, over all rounds and in each."""
    sums = {name: summary(of_one) | {"door_cpu_s_per_report": _door_s(of_one)} for name, of_one in rounds.items()}
    pairs = zip(rounds[Proxy.HAPROXY], rounds[Proxy.SERVE], strict=True)
    return {
        **{name: {**sums[name], "cpu_s_per_report_of": cpu_s_per_report(rounds[name])} for name in rounds},
        "ratios": ratios(sums[Proxy.HAPROXY], to=sums[Proxy.SERVE]),
        "reports_per_s_ratio_of_rounds": [haproxy.reports_per_s / serve.reports_per_s for haproxy, serve in pairs],
    }


def _door_s(rounds: list[Round]) -> float:
    """Compute the processor seconds per report of proxy and gateway together, as the median over the rounds."""
    return statistics.median(sum(one.cpu_s.get(part, 0.0) for part in _DOOR) / len(one.samples) for one in rounds)


def _table(measured: dict[str, Any]) -> Table:
    table = Table("film, MB", "what", "serve", "haproxy", "haproxy / serve")
    for size_mb, of_size in measured.items():
        for key, ratio in of_size["ratios"].items():
            cells = (f"{of_size[proxy.value][key]:.3g}" for proxy in Proxy)
            table.add_row(size_mb, key, *cells, f"{ratio:.2f}")
    return table
