"""The platform over a model server elsewhere: it reports, says when the server is gone, and goes on when it is back."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.serve.conftest import Platform, drawn_film, start
from tests.serve.test_platform import post

pytestmark = pytest.mark.cluster


class _Model(BaseHTTPRequestHandler):
    """Recites as OpenAI's API does; a prompt is longer with an image."""

    def do_GET(self) -> None:
        self._answer("application/json", json.dumps({"data": [{"id": "recited"}]}))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        num_images = sum(part["type"] == "image_url" for turn in asked["messages"] for part in turn["content"])
        text = "- Bóng tim không to.\n- Hai phế trường sáng."
        chunks = [
            {"choices": [{"delta": {"content": text}, "finish_reason": None}]},
            {"choices": [{"delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 5 + 9 * num_images, "completion_tokens": 8}},
        ]
        told = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
        self._answer("text/event-stream", f"{told}data: [DONE]\n\n")

    def _answer(self, kind: str, body: str) -> None:
        content = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def recited(port: int = 0) -> Iterator[int]:
    """Run a model server and yield its port."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Model)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Platform, contextlib.ExitStack, int]]:
    """A platform over a model server, and what takes the server away."""
    with contextlib.ExitStack() as server:
        port = server.enter_context(recited())
        remote = {"backend": "openai", "openai": {"base_url": f"http://127.0.0.1:{port}/v1"}}
        for platform in start(tmp_path, {"engine": remote}):
            yield platform, server, port


def test_reports_go_on_when_a_server_that_was_gone_is_back(
    served: tuple[Platform, contextlib.ExitStack, int], tmp_path: Path
) -> None:
    platform, server, port = served
    film = drawn_film(tmp_path, 41).read_bytes()

    report = post(platform, film).json()
    assert report["model"] == "recited" and report["findings"]["items"]

    server.close()
    refused = post(platform, film)
    assert (refused.status_code, refused.json()["code"]) == (503, "engine-gone")
    assert int(refused.headers["Retry-After"]) > 0
    assert httpx.get(f"{platform.url}/readyz").status_code == 503

    with recited(port):
        platform.wait_until_ready(timeout_s=30)
        assert post(platform, film).json()["findings"]["status"] == "complete"
