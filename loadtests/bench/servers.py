"""Model servers on this machine with the demo model: vLLM's own OpenAI-compatible one, and Triton."""

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
"""Where `make setup SET=triton VENV=.venv-triton` puts tritonserver."""
_SERVE_TRITON = _ROOT / "k8s" / "triton" / "serve.sh"
_START_TIMEOUT_S = 240
# What a film may have for the model: the budget of our own preparation.
_MAX_PIXELS = Settings().preprocessor.max_visual_tokens * PATCH_UNIT_PX**2
_POLL_S = 0.5


class ServerEnded(Exception):
    """A server did not start; the message has the end of what it printed."""


def free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def vllm_server(log: Path) -> Iterator[str]:
    """Run vLLM's own server and yield its base URL; what it prints goes to a file."""
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
    """Run Triton as k8s/triton/serve.sh does and yield its gRPC address; what it prints goes to a file."""
    port, metrics_port = port or free_port(), free_port()
    ports = [f"--grpc-port={port}", f"--metrics-port={metrics_port}"]
    # What its model has in progress when it is stopped is nobody's report.
    command = [str(_SERVE_TRITON), *ports, "--exit-timeout-secs=3"]
    # `make VENV=…` hands its own to what it starts.
    environment = {"VENV": str(TRITON_VENV)}
    # It tells its metrics when the model is loaded and gRPC listens.
    with running(command, f"http://127.0.0.1:{metrics_port}/metrics", log, environment):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def running(
    command: list[str], sign_of_life: str, log: Path, environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[None]:
    """Run a server until the context ends; it is up when a GET of `sign_of_life` is answered with 200.

    Raises:
        ServerEnded: it did not come up.
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
