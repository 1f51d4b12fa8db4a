"""`clara check` against a web server, and `helm test`, whose pod runs it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from serve_app.api.bodies import readiness_body
from serve_app.api.examples import READY, body_json, report_example
from serve_app.cli import app as clara
from tests.deploy.manifests import PORTS, Manifest, of_kind, render_of

REPORT: dict[str, Any] = json.loads(json.dumps(report_example(), default=str))


class Door(HTTPServer):
    """Answers as the platform would: (status, body) by path; what was posted is kept."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, Any]] = {
            "/readyz": (200, body_json(readiness_body(READY))),
            "/v1/reports": (200, REPORT),
        }
        self.posted: list[bytes] = []
        self.authorizations: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    server: Door

    def do_GET(self) -> None:
        self._answer(*self.server.answers[self.path])

    def do_POST(self) -> None:
        self.server.authorizations.append(self.headers["Authorization"])
        self.server.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(*self.server.answers[self.path])

    def _answer(self, status: int, body: Any) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def door() -> Iterator[Door]:
    with Door() as door:
        threading.Thread(target=door.serve_forever, args=(0.01,), daemon=True).start()
        yield door
        door.shutdown()


def check(door: Door, *options: str) -> int:
    return run(f"http://127.0.0.1:{door.server_port}", "--wait-s=0.1", "--timeout-s=5", *options)


def run(*arguments: str) -> int:
    return int(clara(["check", *arguments], standalone_mode=False) or 0)


def test_a_whole_report_passes(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(door) == 0
    assert "A whole report by" in capsys.readouterr().out


def test_the_drawn_film_and_the_fields_are_sent(door: Door) -> None:
    check(door)
    (body,) = door.posted
    assert b"\x89PNG" in body
    assert b'name="age"\r\n\r\n63\r\n' in body


def test_the_key_of_a_file_is_sent_and_nothing_of_its_line_break(door: Door, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("clara_of_a_file\n")
    assert check(door, f"--key-file={tmp_path}/key") == 0
    assert door.authorizations == ["Bearer clara_of_a_file"]


def test_without_a_key_none_is_sent(door: Door) -> None:
    check(door)
    assert door.authorizations == [None]


def test_an_empty_key_file_fails_with_a_sentence(
    door: Door, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").touch()
    assert check(door, f"--key-file={tmp_path}/key") == 1
    assert "the API key is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"status": "final"}, "not one of the platform's: status"),
        ({"findings": REPORT["findings"] | {"text": " "}}, "The findings are empty."),
        ({"impression": REPORT["impression"] | {"status": "truncated"}}, "The impression are truncated"),
        ({"disclaimer": ""}, "no disclaimer"),
        ({"patient": REPORT["patient"] | {"age_years": 36}}, "not the one that was sent"),
    ],
)
def test_a_report_that_is_not_whole_fails(
    door: Door, change: dict[str, Any], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    door.answers["/v1/reports"] = (200, REPORT | change)
    assert check(door) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"/readyz": (503, {})}, "is not ready after 0.1 s"),
        (
            {"/readyz": (503, {"status": "not-ready", "reason": "engine-failed", "detail": "No engine can start."})},
            "is not ready after 0.1 s. No engine can start.",
        ),
        ({"/v1/reports": (422, {"code": "not-a-chest-x-ray"})}, "Refused with 422"),
        ({"/v1/reports": (200, b"<html>")}, "No report"),
        ({"/v1/reports": (200, [])}, "No report: the answer is not one of the platform's"),
    ],
)
def test_what_is_no_report_fails(
    door: Door, answers: dict[str, tuple[int, Any]], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    door.answers |= answers
    assert check(door) == 1
    assert sentence in capsys.readouterr().err


def test_nobody_there_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("http://127.0.0.1:9", "--wait-s=0.1") == 1
    assert "is not ready" in capsys.readouterr().err


def test_the_pod_checks_the_service(documents: list[Manifest]) -> None:
    pod = of_kind(documents, "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    container = pod["spec"]["containers"][0]
    assert container["command"] == ["clara", "check"]
    assert container["args"][0] == f"http://clara-serve-svc.clara.svc:{PORTS['serve']}"


def test_the_pods_arguments_are_those_of_the_command(documents: list[Manifest]) -> None:
    known = {option for one in get_command(clara).commands["check"].params for option in one.opts}
    for manifests in (documents, render_of({"serveTls": {"secretName": "tls"}})):
        arguments = of_kind(manifests, "Pod")["spec"]["containers"][0]["args"][1:]
        assert {argument.partition("=")[0] for argument in arguments} <= known


def test_the_pod_stays_for_its_log(documents: list[Manifest]) -> None:
    """Helm deletes what succeeded before `helm test --logs` reads it."""
    annotations = of_kind(documents, "Pod")["metadata"]["annotations"]
    assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation"


def test_behind_tls_it_trusts_the_certificates_own_authority() -> None:
    container = of_kind(render_of({"serveTls": {"secretName": "tls"}}), "Pod")["spec"]["containers"][0]
    assert container["args"][0].startswith("https://")
    folder = next(mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "serve-tls")
    assert f"--ca-file={folder}/ca.crt" in container["args"]
