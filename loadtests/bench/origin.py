"""Records the origin of a measurement."""

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path


def origin() -> dict[str, str]:
    """Return the date, the processor and the commit of a measurement."""
    models = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{len(models)} x {models[0] if models else platform.processor()}",
        "commit": commit,
    }
