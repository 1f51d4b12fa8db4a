"""`clara`: start the platform here, ask it for a report, say which version this is.

Other packages add commands through the entry-point group `clara.commands`.
"""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from serve_app import __version__
from serve_app.client import DEFAULT_URL, ReportFailed, stream_report
from serve_app.launch import LaunchError, Proxy, platform
from serve_app.settings import DEMO_CHECKPOINT, Backend, Settings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="CLARA drafts chest X-ray reports in Vietnamese.")
out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

SAMPLE_FILM = DEMO_CHECKPOINT / "sample.png"
"""A drawn radiograph that comes with the demo model."""

Port = Annotated[int, typer.Option(help="TCP port of the HTTP door.")]
MetricsPort = Annotated[int, typer.Option(help="TCP port of the Prometheus metrics.")]
Config = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="Settings as YAML; differences from the defaults only.")
]


@app.command()
def up(
    config: Config = None,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Port = 8000,
    metrics_port: MetricsPort = 8090,
    engine: Annotated[
        Backend | None, typer.Option(help="What answers: overrides engine.backend of the settings.")
    ] = None,
    proxy: Annotated[Proxy, typer.Option(help="What stands at the door; haproxy must be installed.")] = Proxy.SERVE,
) -> None:
    """Start the platform on this machine and keep it up until Ctrl-C."""
    with _launched(_settings(config, engine), host, port, metrics_port, proxy) as url:
        err.print(
            f"[bold green]CLARA is up[/] at {url}  (API: {url}/docs, metrics: http://{host}:{metrics_port}/metrics)"
        )
        err.print(f"Try: clara report {SAMPLE_FILM} --age 63 --sex nam --url {url}", markup=False)
        _wait_for_signal()
        err.print("Stopping.")


@app.command()
def demo(port: Port = 8000, metrics_port: MetricsPort = 8090) -> None:
    """Start the platform, draft one report on a drawn X-ray, stop, and say how to go on."""
    with _launched(Settings(), "127.0.0.1", port, metrics_port) as url, _failure_said():
        _print_report(url, SAMPLE_FILM, {"age": "63", "sex": "nam", "view": "PA"})
    out.print("\nGo on: [bold].venv/bin/clara up[/] in one terminal, and in another")
    out.print("       [bold].venv/bin/clara report IMAGE --age 63 --sex nam[/]")


@app.command()
def report(
    image: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="PNG, JPEG or DICOM file.")],
    age: Annotated[str | None, typer.Option(help="Age in years.")] = None,
    sex: Annotated[str | None, typer.Option(help="nam or nữ.")] = None,
    view: Annotated[str | None, typer.Option(help="PA, AP or lateral.")] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Vouch that this is a chest X-ray; recorded in the report.")
    ] = False,
    url: Annotated[str, typer.Option(help="Where the platform is.")] = DEFAULT_URL,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")] = False,
) -> None:
    """Draft a report on one image, streaming it as it is written."""
    fields = {
        name: value
        for name, value in {"age": age, "sex": sex, "view": view, "confirm": "true" if confirm else None}.items()
        if value
    }
    with _failure_said():
        if as_json:
            out.print_json(json.dumps(_final_report(url, image, fields), ensure_ascii=False))
        else:
            _print_report(url, image, fields)


@app.command()
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
    settings: Settings, host: str, port: int, metrics_port: int, proxy: Proxy = Proxy.SERVE
) -> AbstractContextManager[str]:
    """Start the platform with progress on the terminal; a failure to start is one sentence and exit code 1."""
    return _said_plainly(
        platform(settings, host, port, metrics_port, lambda line: err.print(line, markup=False), proxy)
    )


@contextmanager
def _said_plainly(running: AbstractContextManager[str]) -> Iterator[str]:
    try:
        with running as url:
            yield url
    except LaunchError as error:
        err.print(str(error), style="bold red", markup=False)
        raise typer.Exit(1) from error


@contextmanager
def _failure_said() -> Iterator[None]:
    try:
        yield
    except ReportFailed as failure:
        err.print(Text.assemble((failure.code, "bold red"), f": {failure}"))
        raise typer.Exit(1) from failure


def _settings(config: Path | None, backend: Backend | None) -> Settings:
    try:
        values = (yaml.safe_load(config.read_text()) or {}) if config else {}
        if backend is not None:
            values = {**values, "engine": {**(values.get("engine") or {}), "backend": backend}}
        return Settings.model_validate(values)
    except (ValidationError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise typer.BadParameter(str(error), param_hint="--config") from error


def _wait_for_signal() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()


def _print_report(url: str, image: Path, fields: dict[str, str]) -> None:
    """Stream a report to the terminal, the two sections under their headings."""
    heading = {"findings": "MÔ TẢ", "impression": "KẾT LUẬN"}
    open_section = ""
    for name, data in stream_report(url, image, fields):
        section, _, kind = name.partition(".")
        if kind == "delta" and section != open_section:
            open_section = section
            out.print(f"\n[bold]{heading[section]}[/]")
        if kind == "delta":
            out.print(data["text"], end="", markup=False)
        elif section in heading:
            is_whole = data["status"] == "complete"
            out.print("" if is_whole else f"\n{data['status']}", style=None if is_whole else "bold red", markup=False)
        elif name == "report":
            origin = f"{data['id']}  {data['model']}  {data['timings']['duration_s']:.1f} s"
            out.print(f"\n{origin}\n{data['disclaimer']}", style="dim", markup=False)


def _final_report(url: str, image: Path, fields: dict[str, str]) -> dict[str, object]:
    *_, (_, data) = stream_report(url, image, fields)
    return data
