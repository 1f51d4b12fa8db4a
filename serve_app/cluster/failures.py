"""Why a deployment cannot start, as Serve's status of it has it: a traceback, whose last exception is the cause."""

import re
from typing import Any

# Paths of this system, URLs and addresses, as they stand in messages.
_PLACES = re.compile(
    r"""(?<=['"])[^'"\n]*/[^'"\n]*(?=['"])|(?:\w+://|(?<![\w/])[~.]{0,2}/)[^\s'"<>,;)\]}]+|\b\d+(?:\.\d+){3}(?::\d+)?\b"""
)
_MAX_CHARACTERS = 300
# The line of a traceback that names what was raised.
_RAISED = re.compile(r"^([\w.]*\b[A-Z]\w*): (\S.*)$", re.MULTILINE)


def failure_of(deployment: Any) -> str | None:
    """Return why a replica of a deployment did not start, from `serve.status()`; None if none has failed."""
    return cause_of(deployment.message) if "Error:\n" in deployment.message else None


def cause_of(message: str) -> str:
    """Return the last exception in a message of Serve; ours are sentences, others need their kind."""
    kind, words = (_RAISED.findall(message) or [("", " ".join(message.split()))])[-1]
    return words if kind in ("", "serve_app.domain.errors.Unavailable") else f"{kind}: {words}"


def without_places(cause: str) -> str:
    """Shorten a cause to what a client may read: no path, no URL and no address."""
    return _PLACES.sub("…", cause)[:_MAX_CHARACTERS]
