"""Four ways to serve the same model, and the limit: what the platform is measured against.

Every one has the demo model with the same engine settings. Two things the platform's engine does otherwise: tokens come
several at a time, and the core runs the model itself.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from loadtests.bench.chat import ChatTarget
from loadtests.bench.hosts import Opener
from loadtests.bench.plain import PlainPreparer, PreparedBeforehand
from loadtests.bench.seed import MODEL_SERVER, SeedTarget
from loadtests.bench.servers import free_port, running, vllm_server
from loadtests.bench.targets import InProcess, Platform, Target
from serve_app.launch import platform
from serve_app.ports import Engine
from serve_app.settings import Settings


@contextlib.contextmanager
def in_process(folder: Path) -> Iterator[Target]:
    """vLLM in one process, the film prepared there by Pillow as it comes."""
    yield InProcess(PlainPreparer(), _plain_engine())


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[Target]:
    """The same with films that were prepared beforehand: the limit."""
    yield PreparedBeforehand(_plain_engine())


@contextlib.contextmanager
def model_server(folder: Path) -> Iterator[Target]:
    """vLLM's own OpenAI-compatible server, and an asynchronous client of it."""
    with vllm_server(folder / "model_server.log") as url:
        yield ChatTarget(url)


@contextlib.contextmanager
def seed(folder: Path) -> Iterator[Target]:
    """CLARA's first version: a program in front of vLLM's server that does one request at a time."""
    port = free_port()
    door = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "--factory", "loadtests.bench.seed:create_seed", "--port", str(port)]
    with (
        vllm_server(folder / "seed_model_server.log") as url,
        running([*command, "--log-level", "warning"], f"{door}/health", folder / "seed.log", {MODEL_SERVER: url}),
    ):
        yield SeedTarget(door)


@contextlib.contextmanager
def clara(folder: Path) -> Iterator[Target]:
    """This platform with its defaults, through its door."""
    with platform(Settings(), "127.0.0.1", free_port(), free_port(), tell=lambda line: None) as url:
        yield Platform(url)


TOPOLOGIES: dict[str, Opener] = {
    "in process": in_process,
    "prepared": prepared,
    "model server": model_server,
    "seed": seed,
    "platform": clara,
}
"""The first is the measure of all."""


def _plain_engine() -> Engine:
    from serve_app.engines.vllm_engine import VllmEngine

    settings = Settings()
    every_token = settings.engine.model_copy(update={"stream_interval_tokens": 1})
    engine = VllmEngine(settings.model, every_token, settings.preprocessor.max_visual_tokens)
    # What vLLM chooses by itself.
    engine._args.distributed_executor_backend = None
    return engine
