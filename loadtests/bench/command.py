"""`clara bench`: this platform against vLLM in process, on the same drawn films.

Loaded with every `clara` command, so that what it measures with is imported only when it runs.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from serve_app.launch import prepare_environment
from serve_app.settings import Settings


def bench(
    clients: Annotated[list[int], typer.Option(help="Concurrent clients; give it several times.")] = [1, 8],  # noqa: B006
    films: Annotated[int, typer.Option(help="Films a round.")] = 16,
    rounds: Annotated[int, typer.Option(help="Counted rounds of each.")] = 3,
    port: Annotated[int, typer.Option(help="TCP port for the platform.")] = 8000,
    out: Annotated[Path | None, typer.Option(help="Write the result as JSON.")] = None,
) -> None:
    """Measure this platform against vLLM in process, on the same drawn films."""
    settings = Settings()
    # Ray and vLLM read their environment when they are imported.
    prepare_environment(settings)
    from loadtests.bench.measure import measure

    result = measure(settings, port, clients, films, rounds, Console(highlight=False))
    if out is not None:
        out.write_text(json.dumps(result, indent=2) + "\n")
