"""The command line starts light: Ray and vLLM read their environment when they are imported, so it must come first."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from serve_app import cli
from serve_app.api.bodies import prepared_body
from serve_app.api.examples import REPORT as EXAMPLE
from serve_app.api.examples import report_example
from serve_app.cli import _settings
from serve_app.client import (
    Event,
    PreparedBody,
    Problem,
    ProblemError,
    ReportBody,
    ReportDone,
    SectionDelta,
    SectionDone,
    SectionDoneBody,
    SectionName,
    SectionStatus,
)
from serve_app.client import events as client_events
from serve_app.domain.report import Prepared
from serve_app.launch import LaunchError
from serve_app.words import ENGLISH


def test_no_command_imports_ray_or_vllm_before_it_runs() -> None:
    program = (
        "import sys; sys.argv = ['clara', 'version']\n"
        "from serve_app.cli import main\n"
        "try: main()\n"
        "finally: print(sorted({'ray', 'vllm', 'torch'} & set(sys.modules)))"
    )

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert run.stdout.split() == ["0.1.0", "[]"]


def test_a_command_that_lacks_its_packages_says_so() -> None:
    program = (
        "import sys; sys.argv = ['clara', 'doctors', '/dev/null']; sys.modules['sklearn'] = None\n"
        "from serve_app.cli import main\n"
        "main()"
    )

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert run.returncode == 1
    assert "make setup SET=evaluate" in run.stderr and "Traceback" not in run.stderr


def test_the_engine_of_the_command_line_goes_before_the_files(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    for text in ("engine: {backend: vllm, max_num_seqs: 3}", "engine:", ""):
        config.write_text(text)
        assert _settings(config, "openai").engine.backend == "openai"
    assert _settings(None, None).engine.backend == "vllm"


@pytest.mark.parametrize("text", ["- a", "engin: {}", "engine: 3", "a: ["])
def test_settings_of_no_use_are_told_as_such(text: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    with pytest.raises(typer.BadParameter):
        _settings(config, "openai")


@pytest.mark.parametrize("text", ["access:", "access: {mode: open, max_key_age_s: 1}", ""])
def test_keys_required_on_the_command_line_goes_before_the_file(text: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    assert _settings(config, None, require_keys=True).access.mode == "required"


FOREIGN = "cannot open [/models/clara] [type=value_error]: 1:100: :heart: [bold]x"
REPORT = ReportBody.model_validate(report_example() | {"model": "clara[1]", "disclaimer": FOREIGN})
CUT_OFF = SectionDoneBody(text=FOREIGN, items=[], status=SectionStatus.TRUNCATED, concerns=[])


def starting(*lines: str, error: Exception | None = None) -> Callable[..., Any]:
    """Stand in for `launch.platform`: tells some lines, then is up or is not."""

    @contextlib.contextmanager
    def platform(_: object, host: str, port: int, metrics_port: int, tell: Callable[[str], None], *__: object) -> Any:
        for line in lines:
            tell(line)
        if error is not None:
            raise error
        yield "http://127.0.0.1:1"

    return platform


class Reporting:
    """Stand in for the client: every report is these events, and then perhaps an error."""

    def __init__(self, *events: Event, error: Exception | None = None) -> None:
        self.events = events
        self.error = error
        self.asked: list[dict[str, object]] = []
        self.connection: dict[str, object] = {}

    def __call__(self, url: str, **connection: object) -> contextlib.AbstractContextManager["Reporting"]:
        self.connection = connection
        return contextlib.nullcontext(self)

    def stream(self, image: Path, **asked: object) -> Iterator[Event]:
        self.asked.append(asked)
        yield from self.events
        if self.error is not None:
            raise self.error

    def report(self, image: Path, **asked: object) -> ReportBody:
        (*_, last) = self.stream(image, **asked)
        assert isinstance(last, ReportDone)
        return last.report


def test_why_the_platform_did_not_start_is_said_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "platform", starting(FOREIGN, error=LaunchError(f"engine: {FOREIGN}")))

    with pytest.raises(typer.Exit):
        cli.demo()

    assert capsys.readouterr().err.splitlines() == [FOREIGN, f"engine: {FOREIGN}"]


def test_the_models_text_is_shown_unchanged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    events = SectionDelta(SectionName.FINDINGS, FOREIGN), SectionDone(SectionName.FINDINGS, CUT_OFF), ReportDone(REPORT)
    monkeypatch.setattr(cli, "Client", Reporting(*events))
    monkeypatch.setattr(cli, "SAY", ENGLISH)

    cli.report(tmp_path, url="http://127.0.0.1:1")

    shown = capsys.readouterr().out
    assert shown.count(FOREIGN) == 2
    assert "truncated" in shown and "clara[1]" in shown


def test_what_the_check_found_is_listed_with_its_passages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cli, "Client", Reporting(ReportDone(ReportBody.model_validate(report_example()))))
    (tmp_path / "film.png").touch()

    cli.report(tmp_path / "film.png")

    printed = capsys.readouterr().out
    assert ENGLISH.look_again in printed
    assert f"! [medium] “Bóng tim to”: {ENGLISH.concerns['dropped']}" in printed


@pytest.mark.parametrize("outcome", ["refuse", "unjudged"])
def test_an_image_that_the_gate_did_not_pass_is_named_first(
    outcome: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    body = prepared_body(Prepared("rpt-1", EXAMPLE.images)).model_dump()
    body["images"][0]["gate"] |= {"outcome": outcome, "score": None, "reason": "a-reason"}
    event = client_events.Prepared(PreparedBody.model_validate(body))
    monkeypatch.setattr(cli, "Client", Reporting(event, ReportDone(REPORT)))

    cli.report(tmp_path)

    first_line = capsys.readouterr().out.splitlines()[0]
    assert first_line == f"! {ENGLISH.gate[outcome].format(number=1)} (a-reason)"


def test_the_whole_report_is_printed_as_the_server_wrote_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cli, "Client", Reporting(ReportDone(ReportBody.model_validate(report_example()))))

    cli.report(tmp_path, as_json=True)

    assert json.loads(capsys.readouterr().out) == report_example()


def test_what_is_said_of_the_patient_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    client = Reporting(ReportDone(REPORT))
    monkeypatch.setattr(cli, "Client", client)

    cli.report(tmp_path, age="63", sex="nữ", confirm=True)

    assert client.asked == [{"age": "63", "sex": "nữ", "view": None, "confirm": True, "correct": False}]


def started(monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    """Run `clara up` with a platform that is up at once and is told to stop at once."""
    monkeypatch.setattr(cli, "platform", starting())
    monkeypatch.setattr(cli, "_wait_for_signal", lambda: None)
    monkeypatch.setattr(cli, "SAY", ENGLISH)
    cli.app(["up", *options], standalone_mode=False)


def test_a_platform_that_asks_nobody_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started(monkeypatch)
    said = capsys.readouterr().err
    assert ENGLISH.is_open in said
    assert "keys create" not in said and "cacert" not in said


def test_a_platform_with_keys_and_tls_names_the_commands_that_open_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    started(monkeypatch, "--require-keys", "--tls", "--host", "10.1.2.3")

    said = capsys.readouterr().err
    authority = tmp_path / "clara" / "tls" / "authority.pem"
    assert f"curl --cacert {authority} http" in said
    assert "The certificate is for 10.1.2.3, 127.0.0.1, localhost." in said
    assert "keys create --name laptop --scope reports:write" in said
    assert f"--ca-file {authority}" in said
    assert ENGLISH.is_open not in said


def test_the_certificates_command_prints_the_file_to_trust(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    cli.app(["certificates", "create", "--host", "clara.local"], standalone_mode=False)

    written = capsys.readouterr()
    assert Path(written.out.strip()).read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
    assert "127.0.0.1, clara.local, localhost" in written.err


@pytest.mark.parametrize("way", ["option", "variable"])
def test_the_key_and_the_authorities_reach_the_client(
    way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client = Reporting(ReportDone(REPORT))
    monkeypatch.setattr(cli, "Client", client)
    monkeypatch.setenv("CLARA_API_KEY", "clara_of_variable" if way == "variable" else "")
    (tmp_path / "film.png").touch()

    options = ["--key", "clara_of_option"] if way == "option" else []
    cli.app(["report", f"{tmp_path}/film.png", "--ca-file", __file__, *options], standalone_mode=False)

    assert client.connection["api_key"] == f"clara_of_{way}"
    assert client.connection["ca_file"] == Path(__file__)


@pytest.mark.parametrize("key", ["two words", "line\nbreak"])
def test_a_key_of_no_use_is_said_without_its_text(key: str, tmp_path: Path) -> None:
    (tmp_path / "film.png").touch()
    with pytest.raises(typer.BadParameter, match="the API key is empty, or holds") as failure:
        cli.app(["report", f"{tmp_path}/film.png", "--key", key], standalone_mode=False)
    assert key not in failure.value.format_message()


@pytest.mark.parametrize("command", ["demo", "report"])
def test_a_report_that_failed_is_one_line_and_a_failure(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cli, "platform", starting())
    problem = Problem(type="t", title="t", status=500, detail=FOREIGN, code="[code]", request_id="r")
    monkeypatch.setattr(cli, "Client", Reporting(error=ProblemError(problem)))

    with pytest.raises(typer.Exit) as left:
        cli.demo() if command == "demo" else cli.report(tmp_path)

    assert left.value.exit_code == 1
    assert capsys.readouterr().err.splitlines() == [f"[code]: {FOREIGN}"]
