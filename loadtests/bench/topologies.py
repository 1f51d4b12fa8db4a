"""Four ways to serve the same model, and the upper limit, to compare the platform with.

All have the demo model with the same engine settings. The platform's engine differs in two ways: it emits several
tokens at a time, and its core runs the model itself.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from loadtests.bench.chat import ChatTarget
from loadtests.bench.first_version import MODEL_SERVER, FirstVersionTarget
from loadtests.bench.hosts import Opener
from loadtests.bench.plain import PlainPreparer, PreparedBeforehand
from loadtests.bench.servers import free_port, running, vllm_server
from loadtests.bench.targets import InProcess, Platform, Target
from serve_app.launch import platform
from serve_app.ports import Engine
from serve_app.settings import Settings


@contextlib.contextmanager
def in_process(folder: Path) -> Iterator[Target]:
    """vLLM in one process, which also prepares each image with Pillow."""
    yield InProcess(PlainPreparer(), _plain_engine())


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[Target]:
    """The same with images that were prepared beforehand: the upper limit."""
    yield PreparedBeforehand(_plain_engine())


@contextlib.contextmanager
def model_server(folder: Path) -> Iterator[Target]:
    """vLLM's own OpenAI-compatible server, with an asynchronous client."""
    with vllm_server(folder / "model_server.log") as url:
        yield ChatTarget(url)


@contextlib.contextmanager
def first_version(folder: Path) -> Iterator[Target]:
    """CLARA's first version: a program in front of vLLM's server that handles one request at a time."""
    port = free_port()
    door = f"http://127.0.0.1:{port}"
    app = "loadtests.bench.first_version:create_app"
    command = [sys.executable, "-m", "uvicorn", "--factory", app, "--port", str(port), "--log-level", "warning"]
    with (
        vllm_server(folder / "first_version_model_server.log") as url,
        running(command, f"{door}/health", folder / "first_version.log", {MODEL_SERVER: url}),
    ):
        yield FirstVersionTarget(door)


@contextlib.contextmanager
def clara(folder: Path) -> Iterator[Target]:
    """This platform with its default settings, through its public API."""
    with platform(Settings(), "127.0.0.1", free_port(), free_port(), tell=lambda line: None) as url:
        yield Platform(url)


TOPOLOGIES: dict[str, Opener] = {
    "in process": in_process,
    "prepared": prepared,
    "model server": model_server,
    "first version": first_version,
    "platform": clara,
}
"""The systems by name. The first is the baseline of all ratios."""


def _plain_engine() -> Engine:
    from serve_app.engines.vllm_engine import VllmEngine

    settings = Settings()
    every_token = settings.engine.model_copy(update={"stream_interval_tokens": 1})
    engine = VllmEngine(settings.model, every_token, settings.preprocessor.max_visual_tokens)
    # vLLM's own default.
    engine._args.distributed_executor_backend = None
    return engine
