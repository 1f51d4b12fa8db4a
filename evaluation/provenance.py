"""Which code and which files made a result."""

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

# A checkpoint's card and sample film: no engine loads them.
_NOT_LOADED = frozenset({".md", ".png"})


def commit() -> str:
    """Name the commit of the code; an installed package has no history."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return "none"
    return found.stdout.strip() or "none"


def checkpoint_sha256(folder: Path) -> str:
    """Name what an engine loads from a checkpoint's folder."""
    return sha256_of(sorted(file for file in folder.iterdir() if file.is_file() and file.suffix not in _NOT_LOADED))


def sha256_of(files: Iterable[Path]) -> str:
    """Name the content of files together; their names and places do not count, their order does."""
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as content:
            whole.update(hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()
