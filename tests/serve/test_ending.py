"""A program that starts the platform and goes on after it, as `clara demo` and the benchmarks do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.bench.servers import free_port

pytestmark = pytest.mark.cluster

PROGRAM = """
import sys, time
import psutil
from serve_app.launch import platform
from serve_app.settings import Settings

settings = Settings.model_validate({"engine": {"backend": "scripted"}})
with platform(settings, "127.0.0.1", int(sys.argv[1]), int(sys.argv[2]), tell=lambda line: None):
    pass
# Longer than Serve's handles wait between two things they do by themselves.
time.sleep(12)
print([process.name() for process in psutil.Process().children(recursive=True)])
"""


def test_nothing_runs_and_nothing_is_said_after_the_end(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(free_port()), str(free_port())]

    run = subprocess.run(
        command, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=240, check=False
    )

    assert (run.returncode, run.stdout, run.stderr) == (0, "[]\n", "")
