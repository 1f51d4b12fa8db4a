"""The Locust user, against a small server that streams what CLARA would."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import Any, ClassVar

import pytest

from serve_app.api.examples import report_example

ROOT = Path(__file__).parents[3]
REPORT = report_example()
PREPARED = {name: REPORT[name] for name in ("id", "image", "gate", "images")}
GOOD = [
    ("prepared", PREPARED),
    ("findings.delta", {"text": "B"}),
    ("impression.delta", {"text": "T"}),
    ("report", REPORT),
]
GONE = [GOOD[0], ("error", {"code": "engine-gone", "detail": "the engine stopped"})]
HOLLOW = [("report", REPORT | {"disclaimer": ""})]
BROKEN = [("report", '{"findings": {"text"')]
SILENCE = ("silence", None)
LOSS = ("loss", None)
REFUSED = {"code": "not-a-chest-xray", "status": 422}
NAMELESS = {"status": 503}
Answer = list[tuple[str, Any]] | dict[str, Any]


class StubDoor(BaseHTTPRequestHandler):
    """Answers every report request with the next of `answers`: events, or a problem document.

    It falls silent at the event SILENCE, and does not begin to answer where that is the first; at LOSS it hangs up.
    """

    protocol_version = "HTTP/1.1"
    answers: ClassVar[Iterator[Answer]]
    is_over: ClassVar[threading.Event]
    bodies: ClassVar[list[bytes]]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Accept"] == "text/event-stream"
        answer = next(type(self).answers)
        if isinstance(answer, dict):
            self._problem(answer)
        elif answer[0] == SILENCE:
            self._be_silent()
        else:
            self._stream(answer)

    def _be_silent(self) -> None:
        self.is_over.wait()
        self.close_connection = True

    def _stream(self, answer: list[tuple[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for name, data in answer:
            if (name, data) == SILENCE:
                self._be_silent()
                return
            if (name, data) == LOSS:
                self.close_connection = True
                return
            text = data if isinstance(data, str) else json.dumps(data)
            self._chunk(f"event: {name}\r\ndata: {text}\r\n\r\n".encode())
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _problem(self, problem: dict[str, Any]) -> None:
        body = json.dumps(problem).encode()
        self.send_response(problem["status"])
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def door() -> Iterator[ThreadingHTTPServer]:
    StubDoor.bodies = []
    StubDoor.is_over = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), StubDoor)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    StubDoor.is_over.set()
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


def load(
    door: ThreadingHTTPServer, answers: Iterable[Answer], tmp_path: Path, stop_timeout_s: int = 9
) -> tuple[Any, str, int]:
    """Run Locust for some seconds; it patches sockets on import, so it gets a process of its own."""
    StubDoor.answers = iter(answers)
    host = f"http://127.0.0.1:{door.server_address[1]}"
    files = ["--json-file", str(tmp_path / "stats"), "--csv", str(tmp_path / "load")]
    options = ["--headless", "-u", "4", "-r", "4", "-t", "4s", "-s", str(stop_timeout_s), "--host", host]
    command = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", *options, *files]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)
    stats = {entry["name"]: entry for entry in json.loads((tmp_path / "stats.json").read_text())}
    failures = (tmp_path / "load_failures.csv").read_text(encoding="utf-8")
    return stats, failures, run.returncode


def test_whole_reports_are_counted_and_timed(door: ThreadingHTTPServer, tmp_path: Path) -> None:
    stats, _, status = load(door, cycle([GOOD]), tmp_path)
    num_reports = stats["POST /v1/reports"]["num_requests"]
    assert (status, stats["POST /v1/reports"]["num_failures"]) == (0, 0)
    assert num_reports >= 4
    for name in ("time-to-first-token", "time-to-report"):
        assert stats[name]["num_requests"] == num_reports
    for body in StubDoor.bodies:
        assert b"\x89PNG" in body
        for field in (b'name="image"; filename="film"', b'name="sex"', b'name="age"', b'name="view"'):
            assert field in body
    assert verdict_of(tmp_path) == 0


def test_problems_errors_and_hollow_reports_are_failures(door: ThreadingHTTPServer, tmp_path: Path) -> None:
    stats, failures, status = load(door, cycle([REFUSED, GONE, HOLLOW, BROKEN, NAMELESS, [*GOOD[:2], LOSS]]), tmp_path)
    entry = stats["POST /v1/reports"]
    assert status == 1
    assert entry["num_failures"] == entry["num_requests"] == len(StubDoor.bodies) >= 6
    assert "time-to-report" not in stats
    for reason in (
        "422 not-a-chest-xray",
        "engine-gone: the engine stopped",
        "hollow: the report has no disclaimer",
        "not-the-platform: the answer is not one of the platform's",
        "503 http-503",
        "ended prematurely",
    ):
        assert reason in failures
    assert verdict_of(tmp_path) == 1


def test_what_the_end_of_the_load_cuts_off_is_a_failure(door: ThreadingHTTPServer, tmp_path: Path) -> None:
    stats, _, status = load(door, chain([[SILENCE], [*GOOD[:2], SILENCE]], repeat(GOOD)), tmp_path, stop_timeout_s=1)
    entry = stats["POST /v1/reports"]
    assert (status, entry["num_failures"]) == (1, 2)
    assert entry["num_requests"] == len(StubDoor.bodies)
    assert verdict_of(tmp_path) == 1


def verdict_of(folder: Path) -> int:
    command = [sys.executable, "-m", "loadtests.verdict", str(folder / "stats.json")]
    return subprocess.run(command, cwd=ROOT, capture_output=True).returncode
