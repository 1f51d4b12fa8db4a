"""Why a deployment cannot start, as Serve's status of it has it: a traceback, whose last exception is the cause."""

import re
from typing import Any

# The line of a traceback that names what was raised.
_RAISED = re.compile(r"^([\w.]*\b[A-Z]\w*): (\S.*)$", re.MULTILINE)


def failure_of(deployment: Any) -> str | None:
    """Return why a replica of a deployment did not start, from `serve.status()`; None if none has failed."""
    return cause_of(deployment.message) if "Error:\n" in deployment.message else None


def cause_of(message: str) -> str:
    """Return the last exception in a message of Serve; ours are sentences, others need their kind."""
    kind, words = (_RAISED.findall(message) or [("", " ".join(message.split()))])[-1]
    return words if kind in ("", "serve_app.domain.errors.Unavailable") else f"{kind}: {words}"
