"""The key files that a platform on one machine makes for itself."""

import contextlib
import tempfile
from pathlib import Path


def make_once(path: Path, data: bytes) -> None:
    """Make a file that only its owner reads, whole or not at all; of several that make it at once, the first wins.

    Raises:
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=path.parent) as draft:
        draft.write(data)
        draft.flush()
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft.name)
