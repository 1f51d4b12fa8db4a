"""Where a number comes from."""

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path


def origin() -> dict[str, str]:
    """Say when, on which processor and with which commit something is measured."""
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
