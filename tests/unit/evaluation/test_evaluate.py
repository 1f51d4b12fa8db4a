"""`clara evaluate` over drawn films with the scripted engine, and what it says when it cannot."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from evaluation import in_process
from evaluation.evaluate import evaluate
from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.settings import PreprocessorSettings
from training.data.phantom_studies import write_phantoms


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    write_phantoms(folder, 4, seed=5, width_px=256, num_processes=1)
    return folder


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in a checkpoint's place; the engine recites whatever is in it."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "weights").write_bytes(b"1")
    monkeypatch.setattr(in_process, "make_vllm", lambda settings: ScriptedEngine())
    return folder


def command(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(evaluate)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_drawn_films_are_scored_in_process(films: Path, checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = command("--data", films, "--model", checkpoint, "--out", out, "--limit", "3")

    assert result.exit_code == 0, result.output
    assert "3 drafts of 3 studies" in result.output and "always normal" in result.output
    assert "no measure of how good drafts of real films are" in result.output
    found = json.loads((out / "result.json").read_text())
    assert found["model"] == "scripted" and found["max_visual_tokens"] == PreprocessorSettings().max_visual_tokens
    assert "truth_f1_side" in found["scores"]
    assert "<img src=" in (out / "report.html").read_text()


def test_another_checkpoint_needs_another_folder(films: Path, checkpoint: Path, tmp_path: Path) -> None:
    asked = ("--data", films, "--model", checkpoint, "--out", tmp_path / "out", "--limit", "1")
    assert command(*asked).exit_code == 0
    (checkpoint / "weights").write_bytes(b"2")
    result = command(*asked)
    assert (result.exit_code, "checkpoint_sha256 differ" in result.output) == (2, True), result.output


def test_settings_by_file_reach_the_reporter(films: Path, checkpoint: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("orchestrator: {max_findings_tokens: 3}")
    out = tmp_path / "out"
    result = command("--data", films, "--model", checkpoint, "--out", out, "--limit", "1", "--config", config)
    assert result.exit_code == 0, result.output
    assert json.loads((out / "result.json").read_text())["counts"]["incomplete_sections"] == {"truncated": 1}


@pytest.mark.parametrize("backend", ["transformers", "scripted"])
def test_the_backend_of_the_settings_is_run(
    films: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    run = []
    for name in ("vllm", "transformers", "scripted"):
        monkeypatch.setattr(in_process, f"make_{name}", lambda _, name=name: run.append(name) or ScriptedEngine())
    config = tmp_path / "config.yaml"
    config.write_text(f"engine: {{backend: {backend}}}")
    asked = ("--data", films, "--model", checkpoint, "--out", tmp_path / "out", "--limit", "1", "--config", config)
    assert command(*asked).exit_code == 0
    assert run == [backend]


def test_a_model_server_is_asked_by_url_only(films: Path, checkpoint: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("engine: {backend: openai}")
    result = command("--data", films, "--model", checkpoint, "--out", tmp_path / "out", "--config", config)
    assert (result.exit_code, "give --url" in result.output) == (2, True), result.output


@pytest.mark.parametrize("content", ["engin: {}", "- a", "model: demo", "a: ["])
def test_settings_of_no_use_are_exit_code_2(films: Path, checkpoint: Path, tmp_path: Path, content: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(content)
    assert command("--data", films, "--model", checkpoint, "--config", config).exit_code == 2


def test_a_platform_that_is_down_is_exit_code_2(films: Path, tmp_path: Path) -> None:
    result = command("--data", films, "--url", "http://127.0.0.1:1", "--out", tmp_path / "out")
    assert (result.exit_code, "is the platform up" in result.output) == (2, True), result.output


def test_a_platform_is_sent_the_key_of_the_environment(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("CLARA_API_KEY", "clara_of_variable")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert command("--data", films, "--url", url, "--out", tmp_path / "out").exit_code == 2
        server.shutdown()
    assert set(seen) == {"Bearer clara_of_variable"}


def test_data_of_no_use_is_exit_code_2(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.jsonl").write_text('{"colour": 1}\n')
    for data, words in [(tmp_path / "empty", "no .parquet"), (tmp_path / "a.jsonl", "unknown column")]:
        result = command("--data", data, "--model", checkpoint, "--out", tmp_path / "out")
        assert (result.exit_code, words in result.output) == (2, True), result.output


def test_either_a_model_or_a_platform_is_asked(films: Path, checkpoint: Path) -> None:
    assert command("--data", films).exit_code == 2
    assert command("--data", films, "--model", checkpoint, "--url", "http://127.0.0.1:1").exit_code == 2
