"""`clara`: start the platform here, ask it for a report, say which version this is.

Other packages add commands through the entry-point group `clara.commands`.
"""

import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Unpack

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from serve_app import __version__, words
from serve_app.access.authority import ServerCertificate
from serve_app.check import CheckFailed, check_platform
from serve_app.client import (
    DEFAULT_DEADLINE_S,
    DEFAULT_URL,
    Client,
    ClientError,
    ConnectionOptions,
    Event,
    Prepared,
    PreparedBody,
    ReportBody,
    ReportDone,
    ReportOptions,
    SectionDelta,
    SectionDone,
    SectionStatus,
)
from serve_app.launch import LaunchError, Proxy, platform, require_running
from serve_app.operators.audit import audit
from serve_app.operators.certificates import certificates, local_certificate
from serve_app.operators.database import database
from serve_app.operators.keys import keys
from serve_app.operators.records import kept
from serve_app.operators.stop import stop
from serve_app.settings import DEMO_CHECKPOINT, Backend, Settings

SAY = words.preferred()
app = typer.Typer(add_completion=False, no_args_is_help=True, help=SAY.app)
app.add_typer(keys, name="keys")
app.add_typer(database, name="db")
app.add_typer(stop, name="stop")
app.add_typer(audit, name="audit")
app.add_typer(kept, name="records")
app.add_typer(certificates, name="certificates")
out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

SAMPLE_FILM = DEMO_CHECKPOINT / "sample.png"
"""A drawn radiograph that comes with the demo model."""

Port = Annotated[int, typer.Option(help=SAY.port)]
MetricsPort = Annotated[int, typer.Option(help=SAY.metrics_port)]
Key = Annotated[str | None, typer.Option(envvar="CLARA_API_KEY", help=SAY.key)]
CaFile = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help=SAY.ca_file)]
Config = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help=SAY.config)]
_HEADINGS = {"findings": "MÔ TẢ", "impression": "KẾT LUẬN"}


@app.command(help=SAY.up)
def up(
    config: Config = None,
    host: Annotated[str, typer.Option(help=SAY.host)] = "127.0.0.1",
    port: Port = 8000,
    metrics_port: MetricsPort = 8090,
    engine: Annotated[Backend | None, typer.Option(help=SAY.engine)] = None,
    proxy: Annotated[Proxy, typer.Option(help=SAY.proxy)] = Proxy.SERVE,
    require_keys: Annotated[bool, typer.Option("--require-keys", help=SAY.require_keys)] = False,
    tls: Annotated[bool, typer.Option("--tls", help=SAY.tls)] = False,
) -> None:
    """Start the platform on this machine and keep it up until Ctrl-C, or until it ends by itself: exit code 1."""
    settings = _settings(config, engine, require_keys=require_keys)
    certificate = local_certificate(*_own_names(host)) if tls else None
    with _launched(settings, host, port, metrics_port, proxy, certificate) as url:
        err.print(SAY.is_up.format(url=url, metrics=f"http://127.0.0.1:{metrics_port}/metrics"))
        for line in _next_steps(settings, config, url, certificate):
            err.print(line, markup=False)
        _wait_for_signal()


@app.command(help=SAY.demo)
def demo(port: Port = 8000, metrics_port: MetricsPort = 8090) -> None:
    """Start the platform, draft one report on a drawn X-ray, stop, and say how to go on."""
    with _launched(Settings(), "127.0.0.1", port, metrics_port) as url, _failure_said(), _client(url) as client:
        _print_report(client.stream(SAMPLE_FILM, age=63, sex="nam", view="PA"))
    go_on = SAY.go_on.format(up=".venv/bin/clara up", report=".venv/bin/clara report IMAGE --age 63 --sex nam")
    out.print(f"\n{go_on}")


@app.command(help=SAY.report)
def report(
    image: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=SAY.image)],
    age: Annotated[str | None, typer.Option(help=SAY.age)] = None,
    sex: Annotated[str | None, typer.Option(help=SAY.sex)] = None,
    view: Annotated[str | None, typer.Option(help=SAY.view)] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help=SAY.confirm)] = False,
    correct: Annotated[bool, typer.Option("--correct", help=SAY.correct)] = False,
    url: Annotated[str, typer.Option(help=SAY.url)] = DEFAULT_URL,
    key: Key = None,
    ca_file: CaFile = None,
    as_json: Annotated[bool, typer.Option("--json", help=SAY.as_json)] = False,
) -> None:
    """Draft a report on one image, streaming it as it is written."""
    options: ReportOptions = {"age": age, "sex": sex, "view": view, "confirm": confirm, "correct": correct}
    with _failure_said(), _client(url, api_key=key, ca_file=ca_file) as client:
        if as_json:
            out.print_json(client.report(image, **options).model_dump_json())
        else:
            _print_report(client.stream(image, **options))


@app.command()
def check(
    url: Annotated[str, typer.Argument(help="Such as http://127.0.0.1:8000")] = DEFAULT_URL,
    image: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="By default a drawn X-ray.")] = SAMPLE_FILM,
    key: Key = None,
    key_file: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help=SAY.key_file)] = None,
    ca_file: CaFile = None,
    wait_s: Annotated[float, typer.Option(help="Seconds that it may take to be ready.")] = 900.0,
    timeout_s: Annotated[float, typer.Option(help="Seconds that the report may take.")] = DEFAULT_DEADLINE_S,
) -> None:
    """Wait until a platform is ready, ask it for one report, and verify that it is a whole draft."""
    connection: ConnectionOptions = {"api_key": key, "ca_file": ca_file}
    try:
        if key_file is not None:
            connection["api_key"] = key_file.read_text(encoding="utf-8").strip()
        report = check_platform(url, image, connection, wait_s, timeout_s)
    except (CheckFailed, ValueError, OSError) as failure:
        err.print(str(failure), style="bold red", markup=False)
        raise typer.Exit(1) from failure
    out.print(f"A whole report by {report.model} in {report.timings.duration_s:.1f} s.", markup=False)


@app.command(help=SAY.version)
def version() -> None:
    """Print the platform's version."""
    out.print(__version__)


def main() -> None:
    """Run the command line with every installed extension."""
    for extension in entry_points(group="clara.commands"):
        loaded = extension.load()
        if isinstance(loaded, typer.Typer):
            app.add_typer(loaded, name=extension.name)
        else:
            app.command(extension.name)(loaded)
    try:
        app()
    except ModuleNotFoundError as missing:
        err.print(
            f"{missing.name} is not installed here: `make setup SET=evaluate` adds what scores need", style="bold red"
        )
        raise SystemExit(1) from missing


def _launched(
    settings: Settings,
    host: str,
    port: int,
    metrics_port: int,
    proxy: Proxy = Proxy.SERVE,
    certificate: ServerCertificate | None = None,
) -> AbstractContextManager[str]:
    """Start the platform with progress on the terminal; a failure to start is one sentence and exit code 1."""
    return _said_plainly(
        platform(settings, host, port, metrics_port, lambda line: err.print(line, markup=False), proxy, certificate)
    )


def _own_names(host: str) -> list[str]:
    """Name what the certificate must hold beyond loopback; an address that stands for every interface is none."""
    return [] if host == "0.0.0.0" else [host]


def _next_steps(
    settings: Settings, config: Path | None, url: str, certificate: ServerCertificate | None
) -> Iterator[str]:
    """Write who may ask, and what to type next."""
    clara, trusting = sys.argv[0], ""
    if certificate is not None:
        names, file = ", ".join(sorted(certificate.names)), certificate.authority_file
        yield SAY.trust.format(names=names, curl=f"curl --cacert {file} {url}/readyz")
        trusting = f" --ca-file {file}"
    if settings.access.mode == "required":
        of_config = f" --config {config}" if config else ""
        yield SAY.make_key.format(command=f"{clara} keys create --name laptop --scope reports:write{of_config}")
    else:
        yield SAY.is_open
    yield SAY.try_it.format(command=f"{clara} report {SAMPLE_FILM} --age 63 --sex nam --url {url}{trusting}")


@contextmanager
def _said_plainly(running: AbstractContextManager[str]) -> Iterator[str]:
    try:
        with running as url:
            yield url
    except LaunchError as error:
        err.print(str(error), style="bold red", markup=False)
        raise typer.Exit(1) from error


def _client(url: str, **connection: Unpack[ConnectionOptions]) -> Client:
    connection["headers"] = {"Accept-Language": SAY.language}
    try:
        return Client(url, **connection)
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="--key, --ca-file") from error


@contextmanager
def _failure_said() -> Iterator[None]:
    try:
        yield
    except ClientError as failure:
        err.print(Text.assemble((failure.code, "bold red"), f": {SAY.failure(failure)}"))
        raise typer.Exit(1) from failure


def _settings(config: Path | None, backend: Backend | None, *, require_keys: bool = False) -> Settings:
    try:
        values = (yaml.safe_load(config.read_text()) or {}) if config else {}
        if backend is not None:
            values = {**values, "engine": {**(values.get("engine") or {}), "backend": backend}}
        if require_keys:
            values = {**values, "access": {**(values.get("access") or {}), "mode": "required"}}
        return Settings.model_validate(values)
    except (ValidationError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise typer.BadParameter(str(error), param_hint="--config") from error


def _wait_for_signal() -> None:
    """Wait until this process is asked to stop, as long as the platform runs."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1.0):
        require_running()


def _print_report(events: Iterable[Event]) -> None:
    """Write a report to the terminal as it comes, the two sections under their headings."""
    open_section = ""
    for event in events:
        match event:
            case Prepared(body):
                _print_gate(body)
            case SectionDelta(section, text):
                if section != open_section:
                    open_section = section
                    out.print(f"\n[bold]{_HEADINGS[section]}[/]")
                out.print(text, end="", markup=False)
            case SectionDone(_, body):
                _print_end(body.status)
            case ReportDone(whole):
                _print_concerns(whole)
                origin = f"{whole.id}  {whole.model}  {whole.timings.duration_s:.1f} s"
                out.print(f"\n{origin}\n{whole.disclaimer}", style="dim", markup=False)


def _print_gate(prepared: PreparedBody) -> None:
    """Write what the gate decided about each image that it did not pass."""
    for number, image in enumerate(prepared.images, 1):
        if image.gate.outcome != "pass":
            words = SAY.gate.get(image.gate.outcome, image.gate.outcome).format(number=number)
            out.print(f"! {words} ({image.gate.reason})", style="bold red", markup=False)


def _print_concerns(report: ReportBody) -> None:
    """List what the reader should look at again, with the passages."""
    texts = {"findings": report.findings.text, "impression": report.impression.text}
    if report.concerns:
        out.print(f"\n[bold]{SAY.look_again}[/]")
    for concern in report.concerns:
        places = [place for place in (concern.place, concern.other) if place is not None]
        passages = " / ".join(f"“{texts[place.section][place.start : place.end]}”" for place in places)
        style = "bold red" if concern.severity == "high" else "yellow"
        words = f"[{concern.severity}] {passages}: {SAY.concerns.get(concern.code, concern.code)}"
        out.print(Text.assemble(("! ", style), words))


def _print_end(status: SectionStatus) -> None:
    """End a section's last line; where it is not whole, write why."""
    if status is SectionStatus.COMPLETE:
        out.print("")
    else:
        out.print(f"\n{SAY.statuses.get(status, status)}", style="bold red", markup=False)
