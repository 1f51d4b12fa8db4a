"""Identifies the code and the machine that produced a result."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any


def commit() -> str:
    """Return the commit of the code; an installed package has none."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return "none"
    return found.stdout.strip() or "none"


def machine() -> dict[str, Any]:
    """Name the processor that a result was made on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    cpu = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return {"cpu": cpu, "num_cpus": os.cpu_count(), "python": platform.python_version()}
