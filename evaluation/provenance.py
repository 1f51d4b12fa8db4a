"""Identifies the code and the files that produced a result."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# A checkpoint's card and sample image, which no engine loads.
_NOT_LOADED = frozenset({".md", ".png"})


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


def checkpoint_sha256(folder: Path) -> str:
    """Hash the files that an engine loads from a checkpoint's folder."""
    return sha256_of(sorted(file for file in folder.iterdir() if file.is_file() and file.suffix not in _NOT_LOADED))


def sha256_of(files: Iterable[Path]) -> str:
    """Hash the contents of files together. Their order matters; their names and paths do not."""
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as content:
            whole.update(hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()
