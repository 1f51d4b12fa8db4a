"""Starts model servers with the demo model on this machine: vLLM's own OpenAI-compatible server, and Triton."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import httpx

from serve_app.cluster.environment import prepare_environment
from serve_app.domain.radiograph import PATCH_UNIT_PX
from serve_app.settings import DEMO_CHECKPOINT, Settings

_ROOT = Path(__file__).parents[2]
TRITON_VENV = _ROOT / ".venv-triton"
"""The environment of `make setup SET=triton VENV=.venv-triton`."""
_SERVE_TRITON = _ROOT / "k8s" / "triton" / "serve.sh"
_START_TIMEOUT_S = 240
# The image budget of the model server equals the budget of our preparation.
_MAX_PIXELS = Settings().preprocessor.max_visual_tokens * PATCH_UNIT_PX**2
_POLL_S = 0.5


class ServerEnded(Exception):
    """A server did not start. The message has the end of its output."""


def free_port() -> int:
    """Find a free port on this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def vllm_server(log: Path) -> Iterator[str]:
    """Run vLLM's own server and yield its base URL. Its output goes to a file."""
    settings = Settings()
    prepare_environment(settings)
    port = free_port()
    options = {
        "model": DEMO_CHECKPOINT,
        "served-model-name": "clara-demo",
        "host": "127.0.0.1",
        "port": port,
        "dtype": settings.model.dtype,
        "max-model-len": settings.model.max_model_len,
        "block-size": settings.engine.block_size_tokens,
        "kv-cache-memory-bytes": settings.engine.kv_cache_bytes,
        "max-num-seqs": settings.engine.max_num_seqs,
        "generation-config": "vllm",
        "scheduling-policy": "priority",
        "mm-processor-kwargs": json.dumps({"min_pixels": PATCH_UNIT_PX**2, "max_pixels": _MAX_PIXELS}),
    }
    command = [
        sys.executable,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--enforce-eager",
        "--enable-prompt-tokens-details",
        *(word for name, value in options.items() for word in (f"--{name}", str(value))),
    ]
    with running(command, f"http://127.0.0.1:{port}/health", log):
        yield f"http://127.0.0.1:{port}/v1"


@contextlib.contextmanager
def triton_server(log: Path, port: int | None = None) -> Iterator[str]:
    """Run k8s/triton/serve.sh and yield Triton's gRPC address. Its output goes to a file."""
    port, metrics_port = port or free_port(), free_port()
    ports = [f"--grpc-port={port}", f"--metrics-port={metrics_port}"]
    # When it is stopped, nobody waits for reports in progress.
    command = [str(_SERVE_TRITON), *ports, "--exit-timeout-secs=3"]
    # `make VENV=…` passes its own VENV to child processes.
    environment = {"VENV": str(TRITON_VENV)}
    # Metrics are available once the model is loaded and gRPC listens.
    with running(command, f"http://127.0.0.1:{metrics_port}/metrics", log, environment):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def running(
    command: list[str], sign_of_life: str, log: Path, environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[None]:
    """Run a server until the context ends. It is up once a GET of `sign_of_life` returns 200.

    Raises:
        ServerEnded: it did not start.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_until_up(process, sign_of_life, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_up(process: "subprocess.Popen[bytes]", sign_of_life: str, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(sign_of_life, timeout=5).status_code == httpx.codes.OK:
                return
        time.sleep(_POLL_S)
    raise ServerEnded(f"the server did not start: {log.read_text(errors='replace')[-4000:]}")
