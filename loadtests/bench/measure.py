"""Starts all topologies on this machine and sends the same drawn images through each."""

import contextlib
import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from loadtests.bench.films import FILM_WIDTH_PX, drawn_films
from loadtests.bench.hosts import hosted, interleaved
from loadtests.bench.origin import origin
from loadtests.bench.rounds import Round, cpu_s_per_report, ratios, summary
from loadtests.bench.topologies import TOPOLOGIES

_FIRST = next(iter(TOPOLOGIES))


def measure(clients: list[int], num_films: int, num_rounds: int, console: Console) -> dict[str, Any]:
    """Start every topology, have each make the same reports in turn at each concurrency, and print a table."""
    with contextlib.ExitStack() as started, tempfile.TemporaryDirectory() as folder:
        hosts = {name: started.enter_context(hosted(name, opener, Path(folder))) for name, opener in TOPOLOGIES.items()}
        measured = {}
        for num_clients in clients:
            # At least twice as many images as clients, so that all clients work for most of a round.
            rounds = interleaved(
                hosts,
                functools.partial(_films_of_round, num_clients, max(num_films, 2 * num_clients)),
                num_clients,
                num_rounds,
                console.print,
            )
            measured[str(num_clients)] = _figures(rounds)
        memory_mib = {name: _mib(host.peak_bytes) for name, host in hosts.items()}
    console.print(_table(measured))
    return {
        **origin(),
        "films_per_round": f"{num_films}, or twice the clients",
        "rounds": num_rounds,
        "film_width_px": FILM_WIDTH_PX,
        "clients": measured,
        "memory_mib": memory_mib,
    }


def _films_of_round(num_clients: int, num_films: int, number: int) -> list[bytes]:
    return drawn_films(1000 * num_clients + number, num_films)


def _figures(rounds: dict[str, list[Round]]) -> dict[str, Any]:
    """Summarise each topology, in absolute figures and as ratios to the first."""
    figures = {name: summary(of_one) for name, of_one in rounds.items()}
    first = figures[_FIRST]
    return {
        name: {**of_one, "ratios": ratios(of_one, to=first), "cpu_s_per_report_of": cpu_s_per_report(rounds[name])}
        for name, of_one in figures.items()
    }


def _mib(held: Mapping[str, int]) -> dict[str, int]:
    return {part: round(size_bytes / 1024**2) for part, size_bytes in held.items()}


def _table(measured: dict[str, Any]) -> Table:
    table = Table("clients", "what", *TOPOLOGIES)
    for num_clients, figures in measured.items():
        for key in (key for key, value in figures[_FIRST].items() if isinstance(value, float)):
            cells = (_cell(figures[name], key) for name in TOPOLOGIES)
            table.add_row(num_clients, key, *cells)
    return table


def _cell(figures: dict[str, Any], key: str) -> str:
    return f"{figures[key]:.3g} ({figures['ratios'][key]:.2f})" if key in figures else "-"
