"""Which code made a result."""

import subprocess
from pathlib import Path


def commit() -> str:
    """Name the commit of the code; an installed package has no history."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return "none"
    return found.stdout.strip() or "none"
