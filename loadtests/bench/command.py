"""`clara bench`: this platform against vLLM in process, on the same drawn films."""

import asyncio
import io
import json
import platform as machine
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

from loadtests.bench.rounds import compare, summary
from loadtests.bench.targets import in_process, over_http
from serve_app.launch import platform, prepare_environment
from serve_app.settings import Settings
from training.phantoms import draw, sample

# The seed's own films are about 3000 pixels wide; ours are enlarged to it, so that decoding costs what it costs.
_FILM_WIDTH_PX = 3000
console = Console(highlight=False)


def bench(
    clients: Annotated[list[int], typer.Option(help="Concurrent clients; give it several times.")] = [1, 8],  # noqa: B006
    films: Annotated[int, typer.Option(help="Films a round.")] = 16,
    rounds: Annotated[int, typer.Option(help="Counted rounds of each.")] = 3,
    port: Annotated[int, typer.Option(help="TCP port for the platform.")] = 8000,
    out: Annotated[Path | None, typer.Option(help="Write the result as JSON.")] = None,
) -> None:
    """Measure this platform against vLLM in process, on the same drawn films."""
    settings = Settings()
    prepare_environment(settings)
    with platform(settings, "127.0.0.1", port, port + 90, tell=console.print) as url:
        measured = asyncio.run(_measure(settings, url, clients, films, rounds))
    console.print(_table(measured))
    if out is not None:
        result = {
            **_origin(),
            "films_per_round": films,
            "rounds": rounds,
            "film_width_px": _FILM_WIDTH_PX,
            "clients": measured,
        }
        out.write_text(json.dumps(result, indent=2) + "\n")


async def _measure(settings: Settings, url: str, clients: list[int], num_films: int, num_rounds: int) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    async with in_process(settings) as here, over_http(url) as there:
        for num_clients in clients:
            rounds = await compare(
                {"in_process": here, "platform": there},
                lambda number, offset=num_clients: _films(1000 * offset + number, num_films),
                num_clients,
                num_rounds,
            )
            figures = {name: summary(of_one) for name, of_one in rounds.items()}
            figures["ratio"] = {
                key: figures["platform"][key] / figures["in_process"][key] for key in figures["platform"]
            }
            measured[str(num_clients)] = figures
    return measured


def _films(seed: int, num_films: int) -> list[bytes]:
    rng = np.random.default_rng(seed)
    return [_png(draw(sample(rng))) for _ in range(num_films)]


def _png(film: np.ndarray) -> bytes:
    height_px = round(film.shape[0] * _FILM_WIDTH_PX / film.shape[1])
    buffer = io.BytesIO()
    Image.fromarray(film).resize((_FILM_WIDTH_PX, height_px)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _table(measured: dict[str, Any]) -> Table:
    table = Table("clients", "what", "vLLM in process", "platform", "platform / in process")
    for num_clients, figures in measured.items():
        for key in figures["platform"]:
            table.add_row(
                num_clients, key, *(f"{figures[name][key]:.3g}" for name in ("in_process", "platform", "ratio"))
            )
    return table


def _origin() -> dict[str, str]:
    """Where a number comes from: date, processor, commit."""
    models = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{len(models)} x {models[0] if models else machine.processor()}",
        "commit": commit,
    }
