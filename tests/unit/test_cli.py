"""The command line starts light: Ray and vLLM read their environment when they are imported, so it must come first."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from serve_app.cli import _settings


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
