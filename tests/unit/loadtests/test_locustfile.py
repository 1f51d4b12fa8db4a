"""The Locust user, against a small server that streams what CLARA would."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar

import pytest

ROOT = Path(__file__).parents[3]
REPORT = {"findings": {"text": "Bóng tim to."}, "impression": {"text": "Tim to."}, "disclaimer": "Bản nháp."}
GOOD = [("prepared", {}), ("findings.delta", {"text": "B"}), ("impression.delta", {"text": "T"}), ("report", REPORT)]
GONE = [GOOD[0], ("error", {"code": "engine-gone", "detail": "the engine stopped"})]
HOLLOW = [("report", REPORT | {"disclaimer": ""})]


Answers = list[list[tuple[str, Any]] | None]


class StubDoor(BaseHTTPRequestHandler):
    """Answers every report request with the next of `answers`; None stands for a problem document."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[Iterator[list[tuple[str, Any]] | None]]
    bodies: ClassVar[list[bytes]]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Accept"] == "text/event-stream"
        answer = next(type(self).answers)
        if answer is None:
            self._problem()
        else:
            self._stream(answer)

    def _stream(self, answer: list[tuple[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for name, data in answer:
            self._chunk(f"event: {name}\r\ndata: {json.dumps(data)}\r\n\r\n".encode())
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _problem(self) -> None:
        body = json.dumps({"code": "not-a-chest-xray", "status": 422}).encode()
        self.send_response(422)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def door() -> Iterator[ThreadingHTTPServer]:
    StubDoor.bodies = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), StubDoor)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


def load(door: ThreadingHTTPServer, answers: Answers, tmp_path: Path) -> tuple[Any, str, int]:
    """Run Locust for some seconds; it patches sockets on import, so it gets a process of its own."""
    StubDoor.answers = cycle(answers)
    host = f"http://127.0.0.1:{door.server_address[1]}"
    files = ["--json-file", str(tmp_path / "stats"), "--csv", str(tmp_path / "load")]
    options = ["--headless", "-u", "4", "-r", "4", "-t", "4s", "-s", "9", "--host", host, *files]
    command = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", *options]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)
    stats = {entry["name"]: entry for entry in json.loads((tmp_path / "stats.json").read_text())}
    failures = (tmp_path / "load_failures.csv").read_text(encoding="utf-8")
    return stats, failures, run.returncode


def test_whole_reports_are_counted_and_timed(door: ThreadingHTTPServer, tmp_path: Path) -> None:
    stats, _, status = load(door, [GOOD], tmp_path)
    num_reports = stats["POST /v1/reports"]["num_requests"]
    assert (status, stats["POST /v1/reports"]["num_failures"]) == (0, 0)
    assert num_reports >= 4
    for name in ("time-to-first-token", "time-to-report"):
        assert stats[name]["num_requests"] == num_reports
    for body in StubDoor.bodies:
        assert b"\x89PNG" in body
        for field in (b'name="image"; filename="film.png"', b'name="sex"', b'name="age"', b'name="view"'):
            assert field in body
    assert verdict_of(tmp_path) == 0


def test_problems_errors_and_hollow_reports_are_failures(door: ThreadingHTTPServer, tmp_path: Path) -> None:
    stats, failures, status = load(door, [None, GONE, HOLLOW], tmp_path)
    entry = stats["POST /v1/reports"]
    assert status == 1
    assert entry["num_failures"] == entry["num_requests"] >= 3
    assert "time-to-report" not in stats
    for reason in ("422 not-a-chest-xray", "engine-gone: the engine stopped", "hollow: the report has no disclaimer"):
        assert reason in failures
    assert verdict_of(tmp_path) == 1


def verdict_of(folder: Path) -> int:
    command = [sys.executable, "-m", "loadtests.verdict", str(folder / "stats.json")]
    return subprocess.run(command, cwd=ROOT, capture_output=True).returncode
