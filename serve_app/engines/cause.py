"""Carries why an engine's process could not start to the process that started it: vLLM itself writes it to a log only.

Both find the same file by the secret that multiprocessing gives to every process of one family.
"""

import contextlib
import hashlib
import logging
import multiprocessing
import tempfile
from pathlib import Path

_MAX_CHARACTERS = 300


def in_one_line(error: BaseException) -> str:
    """Write what an error was caused by, with its kind, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:_MAX_CHARACTERS]


class _Keeper(logging.Handler):
    """Writes the first exception of a family of processes; the later ones follow from it."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            with contextlib.suppress(OSError):
                _file().touch(mode=0o600, exist_ok=False)
                _file().write_text(in_one_line(error), encoding="utf-8")


def keep_cause() -> None:
    """From now on, keep the first exception that vLLM logs in this process."""
    logging.getLogger("vllm").addHandler(_Keeper(logging.ERROR))


def take_cause() -> str:
    """Return what the processes of this family kept, and forget it; an empty string if they kept nothing."""
    try:
        return _file().read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    finally:
        _file().unlink(missing_ok=True)


def _file() -> Path:
    family = hashlib.sha256(multiprocessing.current_process().authkey).hexdigest()
    return Path(tempfile.gettempdir()) / f"clara-engine-{family[:32]}"
