"""Both targets up on this machine, the same drawn films through each, and where the numbers come from."""

import asyncio
import io
import platform as machine
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from loadtests.bench.rounds import compare, summary
from loadtests.bench.targets import in_process, over_http
from serve_app.launch import platform
from serve_app.settings import Settings
from training.phantoms import draw, sample

# The seed's own films are about 3000 pixels wide; ours are enlarged to it, so that decoding costs what it costs.
FILM_WIDTH_PX = 3000


def measure(
    settings: Settings, port: int, clients: list[int], num_films: int, num_rounds: int, console: Console
) -> dict[str, Any]:
    """Start the platform and vLLM in this process, and let both make the same reports in turn."""
    with platform(settings, "127.0.0.1", port, port + 90, tell=console.print) as url:
        measured = asyncio.run(_measure(settings, url, clients, num_films, num_rounds))
    console.print(_table(measured))
    return {
        **origin(),
        "films_per_round": num_films,
        "rounds": num_rounds,
        "film_width_px": FILM_WIDTH_PX,
        "clients": measured,
    }


async def _measure(settings: Settings, url: str, clients: list[int], num_films: int, num_rounds: int) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    async with in_process(settings) as here, over_http(url) as there:
        for num_clients in clients:
            rounds = await compare(
                {"in_process": here, "platform": there},
                lambda number, offset=num_clients: drawn_films(1000 * offset + number, num_films),
                num_clients,
                num_rounds,
            )
            figures = {name: summary(of_one) for name, of_one in rounds.items()}
            figures["ratio"] = {
                key: figures["platform"][key] / figures["in_process"][key] for key in figures["platform"]
            }
            measured[str(num_clients)] = figures
    return measured


def drawn_films(seed: int, num_films: int) -> list[bytes]:
    """Draw films as PNG files, as large as the seed's own."""
    rng = np.random.default_rng(seed)
    return [_png(draw(sample(rng))) for _ in range(num_films)]


def _png(film: np.ndarray) -> bytes:
    height_px = round(film.shape[0] * FILM_WIDTH_PX / film.shape[1])
    buffer = io.BytesIO()
    Image.fromarray(film).resize((FILM_WIDTH_PX, height_px)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _table(measured: dict[str, Any]) -> Table:
    table = Table("clients", "what", "vLLM in process", "platform", "platform / in process")
    for num_clients, figures in measured.items():
        for key in figures["platform"]:
            table.add_row(
                num_clients, key, *(f"{figures[name][key]:.3g}" for name in ("in_process", "platform", "ratio"))
            )
    return table


def origin() -> dict[str, str]:
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
