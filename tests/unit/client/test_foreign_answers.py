"""The client tells a whole report from a broken one."""

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from serve_app.client import Client, ClientError, Event, Prepared, ReportDone
from tests.unit.client.conftest import stream_bytes

EVENTS = stream_bytes("\n").decode().split("\n\n")
PREPARED = EVENTS[0] + "\n\n"
REPORT = EVENTS[-2] + "\n\n"
ERROR = 'event: error\ndata: {"code": "engine-gone", "detail": "the model engine stopped"}\n\n'


@contextmanager
def answering(status: int, content_type: str, body: str, num_missing: int = 0) -> Iterator[str]:
    """Serve one fixed answer to any POST on this machine; it breaks off `num_missing` bytes before its end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body.encode()) + num_missing))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.png"
    path.write_bytes(b"film")
    return path


@pytest.mark.parametrize(
    ("status", "content_type", "body", "code"),
    [
        (200, "application/json", '{"id":', "not-the-platform"),
        (200, "text/html", "<form>Log in</form>", "not-the-platform"),
        (307, "text/html", "", "http-307"),
        (422, "application/problem+json", '{"code": "not-a-chest-xray", "detail": "no"}', "not-a-chest-xray"),
    ],
)
def test_a_report_in_one_piece_fails_likewise(film: Path, status: int, content_type: str, body: str, code: str) -> None:
    with answering(status, content_type, body) as url, Client(url) as client, pytest.raises(ClientError) as failure:
        client.report(film)

    assert failure.value.code == code


def test_a_report_in_one_piece_that_is_cut_is_none(film: Path) -> None:
    answer = answering(200, "application/json", "{}", num_missing=9)
    with answer as url, Client(url) as client, pytest.raises(ClientError) as failure:
        client.report(film)

    assert failure.value.code == "incomplete"


@pytest.mark.parametrize("words", ["BN Nguyen Van A", "0912345678"])
def test_a_report_of_another_shape_names_the_field_and_never_the_value(film: Path, words: str) -> None:
    body = f'{{"id": "rpt_1", "patient": "{words}"}}'
    answer = answering(200, "application/json", body)
    with answer as url, Client(url) as client, pytest.raises(ClientError, match="patient") as failure:
        client.report(film)

    assert words not in "".join(traceback.format_exception(failure.value))


def stream_report(url: str, film: Path) -> Iterator[Event]:
    with Client(url, max_retries=0) as client, client.stream(film) as events:
        yield from events


def test_events_are_passed_on_until_the_report(film: Path) -> None:
    with answering(200, "text/event-stream", PREPARED + REPORT) as url:
        prepared, report = stream_report(url, film)

    assert isinstance(prepared, Prepared) and prepared.body.image.width_px == 2500
    assert isinstance(report, ReportDone) and report.report.id == prepared.body.id


@pytest.mark.parametrize(
    ("status", "content_type", "body", "code"),
    [
        (200, "text/event-stream", PREPARED + ERROR, "engine-gone"),
        (200, "text/event-stream", PREPARED, "incomplete"),
        (422, "application/problem+json", '{"code": "not-a-chest-xray", "detail": "no"}', "not-a-chest-xray"),
        (500, "application/problem+json", '{"code": null, "detail": null}', "http-500"),
        (503, "application/json", '["overloaded"]', "http-503"),
        (502, "application/json", "<h1>Bad gateway</h1>", "http-502"),
        (200, "text/event-stream", 'event: report\ndata: {"id":\n\n', "not-the-platform"),
        (200, "text/event-stream", "event: report\ndata: [1]\n\n", "not-the-platform"),
        (200, "text/html", "<form>Log in</form>", "not-the-platform"),
    ],
)
def test_anything_else_is_a_failure_with_its_code(
    film: Path, status: int, content_type: str, body: str, code: str
) -> None:
    with answering(status, content_type, body) as url, pytest.raises(ClientError) as failure:
        list(stream_report(url, film))

    assert failure.value.code == code


def test_an_answer_that_is_not_ours_is_a_failure(film: Path) -> None:
    with answering(502, "text/html", "<h1>Bad gateway</h1>") as url, pytest.raises(ClientError) as failure:
        list(stream_report(url, film))

    assert failure.value.code == "http-502"


def test_a_stream_that_is_cut_is_not_a_platform_that_is_down(film: Path) -> None:
    with answering(200, "text/event-stream", PREPARED, num_missing=9) as url:
        events = stream_report(url, film)
        assert isinstance(next(events), Prepared)
        with pytest.raises(ClientError) as failure:
            next(events)

    assert failure.value.code == "incomplete"


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "http://h:port", "http://[::1", "http://two words"])
def test_what_is_no_address_is_said_to_be_none(url: str, film: Path) -> None:
    with pytest.raises(ClientError) as failure:
        list(stream_report(url, film))

    assert failure.value.code == "unreachable"
    assert url in str(failure.value)


def test_a_platform_that_is_down_is_said_to_be(film: Path) -> None:
    with pytest.raises(ClientError, match="is the platform up") as failure:
        list(stream_report("http://127.0.0.1:1", film))

    assert failure.value.code == "unreachable"
