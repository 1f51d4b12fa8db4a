"""`clara bench`: compares this platform with vLLM in process, compares the engines, and times a start.

Every `clara` command imports this module, so heavy imports happen only when it runs.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from serve_app.cluster.environment import prepare_environment
from serve_app.settings import Settings

bench = typer.Typer(help="Measure this platform, its engines, and its start.", no_args_is_help=True)

Films = Annotated[int, typer.Option(help="Images per round.")]
Rounds = Annotated[int, typer.Option(help="Counted rounds per system.")]
Out = Annotated[Path | None, typer.Option(help="Write the result as JSON.")]


@bench.command()
def platform(
    clients: Annotated[list[int], typer.Option(help="Concurrent clients; give it several times.")] = [1, 8, 16, 32],  # noqa: B006
    films: Films = 16,
    rounds: Rounds = 3,
    out: Out = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the result as PNG or SVG.")] = None,
) -> None:
    """Compare this platform with vLLM in process, vLLM's own server, and the first version's design."""
    # Ray and vLLM read their environment at import.
    prepare_environment(Settings())
    from loadtests.bench.measure import measure

    result = measure(clients, films, rounds, Console(highlight=False))
    _write(result, out)
    if plot is not None:
        from loadtests.bench.plot import draw

        draw(result, plot)


@bench.command()
def engines(
    clients: Annotated[int, typer.Option(help="Concurrent clients.")] = 8,
    films: Films = 50,
    rounds: Rounds = 3,
    out: Out = None,
) -> None:
    """Compare vLLM, plain PyTorch, Triton and an OpenAI-compatible server."""
    prepare_environment(Settings())
    from loadtests.bench.engines import measure_engines

    _write(measure_engines(clients, films, rounds, Console(highlight=False)), out)


@bench.command()
def routing(
    films: Annotated[int, typer.Option(help="Different images per replay.")] = 400,
    out: Out = None,
) -> None:
    """Count on which of four engine replicas images run, also while replicas come and go. No model runs."""
    prepare_environment(Settings())
    from loadtests.bench.routing import measure_routing

    _write(measure_routing(films, Console(highlight=False)), out)


@bench.command()
def preparation(
    films: Annotated[int, typer.Option(help="Drawn images, each in every format.")] = 6,
    rounds: Annotated[int, typer.Option(help="Counted pairs per file.")] = 5,
    tokens: Annotated[list[int], typer.Option(help="Budgets of visual tokens; give it several times.")] = [64, 1280],  # noqa: B006
    out: Out = None,
) -> None:
    """Compare the preparation of large images with plain Pillow."""
    from loadtests.bench.preparation import measure_preparation

    _write(measure_preparation(films, rounds, tokens, Console(highlight=False)), out)


@bench.command()
def proxy(
    clients: Annotated[int, typer.Option(help="Concurrent clients.")] = 8,
    films: Films = 32,
    rounds: Rounds = 5,
    megabytes: Annotated[list[int], typer.Option(help="Size of an image; give it several times.")] = [5, 10],  # noqa: B006
    out: Out = None,
) -> None:
    """Compare HAProxy with Serve's own proxy, with large images. No model runs."""
    prepare_environment(Settings())
    from loadtests.bench.proxies import measure_proxies

    _write(measure_proxies(clients, films, rounds, megabytes, Console(highlight=False)), out)


@bench.command()
def overload(
    factor: Annotated[float, typer.Option(help="Requests per second, as a multiple of the capacity.")] = 5,
    seconds: Annotated[float, typer.Option(help="Duration of the overload.")] = 120,
    out: Out = None,
) -> None:
    """Ask for more than the platform can do, send the largest films at once, and stall uploads. No model runs."""
    prepare_environment(Settings())
    from loadtests.bench.overload import measure_overload

    _write(measure_overload(factor, seconds, Console(highlight=False)), out)


@bench.command()
def admission(
    duration_s: Annotated[
        float, typer.Option(help="Duration of the peak and of each overload; half of it without and with trouble.")
    ] = 180,
    out: Out = None,
) -> None:
    """Ask for more than the platform can do, with obeying clients, a greedy tenant and attackers. No model runs."""
    prepare_environment(Settings())
    from loadtests.bench.admission import measure_admission

    _write(measure_admission(duration_s, Console(highlight=False)), out)


@bench.command()
def start(
    starts: Annotated[int, typer.Option(min=1, help="Counted starts.")] = 3,
    out: Out = None,
) -> None:
    """Measure how long `clara up` takes, phase by phase, and a new engine after a kill."""
    from loadtests.bench.start import measure_start

    _write(measure_start(starts, Console(highlight=False)), out)


@bench.command()
def deaths(
    clients: Annotated[int, typer.Option(help="Concurrent clients.")] = 2,
    out: Out = None,
) -> None:
    """Kill the platform's processes one after another under load, and time how long no report is finished."""
    from loadtests.bench.deaths import measure_deaths

    _write(measure_deaths(clients, Console(highlight=False)), out)


def _write(result: dict[str, Any], out: Path | None) -> None:
    if out is not None:
        out.write_text(json.dumps(result, indent=2) + "\n")
