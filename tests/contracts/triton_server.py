"""The real Triton with the repository's model, started as `k8s/triton/serve.sh` starts it; gone with the context."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from serve_app.engines.triton_engine import TritonEngine
from tests.ports import free_port

_SERVE = Path(__file__).parents[2] / "k8s" / "triton" / "serve.sh"
_VENV = _SERVE.parents[2] / ".venv-triton"
_START_TIMEOUT_S = 240

needs_triton = pytest.mark.skipif(
    not (_VENV / "bin" / "python").exists(), reason="no tritonserver: make setup SET=triton VENV=.venv-triton"
)


@contextlib.contextmanager
def triton_server(log: Path, port: int | None = None, **environment: str) -> Iterator[str]:
    """Start the server and yield its gRPC address; what it prints goes to a file."""
    port = port or free_port()
    command = [_SERVE, f"--grpc-port={port}", f"--metrics-port={free_port()}"]
    # Tests run with packages of their own, which the server must not see.
    environment = {**os.environ, "VENV": str(_VENV), **environment}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(process, f"127.0.0.1:{port}", log)
        yield f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()


async def num_batched(engine: TritonEngine) -> tuple[int, int]:
    """Tell by the server's own statistics how many requests were executed, and in how many batches."""
    (model,) = (await engine._client.get_inference_statistics("clara")).model_stats
    return model.inference_count, model.execution_count


def _wait_until_ready(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    with contextlib.closing(InferenceServerClient(address)) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise AssertionError(f"tritonserver ended: {log.read_text(errors='replace')[-4000:]}")
            with contextlib.suppress(InferenceServerException, grpc.RpcError):
                if client.is_server_ready():
                    return
            time.sleep(0.5)
    raise AssertionError(f"tritonserver did not start: {log.read_text(errors='replace')[-4000:]}")
