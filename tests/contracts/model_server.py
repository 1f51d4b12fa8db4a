"""vLLM's own OpenAI-compatible server with the demo model, in a process of its own: somebody else's model server."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from serve_app.launch import prepare_environment
from serve_app.settings import DEMO_CHECKPOINT, Settings
from tests.ports import free_port

_START_TIMEOUT_S = 240


@contextlib.contextmanager
def model_server(log: Path) -> Iterator[str]:
    """Start the server and yield its base URL; what it prints goes to a file."""
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
    }
    command = [
        sys.executable,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--enforce-eager",
        "--enable-prompt-tokens-details",
    ]
    command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ}, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_until_up(process, port, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_up(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the model server ended: {log.read_text(errors='replace')[-4000:]}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == httpx.codes.OK:
                return
        time.sleep(0.5)
    raise AssertionError(f"the model server did not start: {log.read_text(errors='replace')[-4000:]}")
