"""Every line that CLARA logs, and the only way for a line to reach a log: named events with named, typed fields.

`withhold_texts` applies to the whole process: what another library logs there loses whatever may repeat a value.
"""

import logging
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from enum import StrEnum
from pathlib import PurePath
from typing import Any, TextIO, TypedDict, Unpack

from serve_app.telemetry.metrics import OUTCOMES


class Event(StrEnum):
    """What is logged, with the places of its fields."""

    REPORT = (
        "report request: request_id={request_id} report_id={report_id} outcome={outcome} duration_s={duration_s:.2f}"
    )
    UNEXPECTED = "unexpected {error}, request_id={request_id}"
    TOKEN_REFUSED = "a token was refused: {reason}"
    ISSUER_KEYS_UNREAD = "cannot read the keys of the issuer {issuer}: {error}"
    STOPS_UNREAD = "stops cannot be read ({error}): the last ones that were read hold"
    AUDIT_UNWRITTEN = "{num_entries} audit entries could not be written: {error}"
    CHECKPOINTS_UNSIGNED = "checkpoints of the audit log could not be signed: {error}"
    ENGINE_START = "engine start: {phase}"
    ENGINE_RETRY = "vLLM aborted a request before its first token; retrying once"
    CHECKPOINT_UNKNOWN = "the checkpoint's files are not in the hub's cache: reports cannot name its digest"
    SLOTS_SHARED = "slots: {num_own} of {num_slots}, shared by {num_gateways} gateways"
    SLOTS_UNSHARED = "the slots are not shared anew: {error}"
    WARNING = "{warning} at {place}"


class Fields(TypedDict, total=False):
    """What a line may hold. Of an error the class and the place are logged, never its text."""

    request_id: str
    report_id: str
    outcome: str
    reason: str
    issuer: str
    phase: str
    place: str
    warning: str
    error: BaseException
    duration_s: float
    num_entries: int
    num_own: int
    num_slots: int
    num_gateways: int


FORMS = {
    "request_id": r"[A-Za-z0-9._-]{0,128}",
    "report_id": r"none|rpt_[0-9a-f]{8,64}",
    "outcome": "|".join(OUTCOMES),
    "reason": r"[a-z_ -]{1,40}",
    "issuer": r"[a-z0-9-]{1,31}",
    "phase": r"[A-Za-z0-9. ]{1,80}",
    "place": r"[\w.-]{1,80}:\d+",
    "warning": r"\w{1,80}",
}
"""The form of each field that is a text; a value of another form is withheld."""

_WITHHELD = "(withheld)"
# Their lines are written by Ray and vLLM about themselves; others repeat what they read.
_KNOWN = frozenset({"ray", "vllm"})


class Line:
    """One line; only this module makes them."""

    def __init__(self, event: Event, fields: Fields) -> None:
        self._event = event
        self._fields = fields

    def __str__(self) -> str:
        return self._event.format_map({name: _shown(name, value) for name, value in self._fields.items()})


class Log:
    """Writes the lines of one module."""

    def __init__(self, module: str) -> None:
        self._logger = logging.getLogger(module)

    def info(self, event: Event, **fields: Unpack[Fields]) -> None:
        """Log what happens in the normal course of things."""
        self._logger.info(Line(event, fields))

    def warning(self, event: Event, **fields: Unpack[Fields]) -> None:
        """Log what the platform got over by itself."""
        self._logger.warning(Line(event, fields))

    def error(self, event: Event, **fields: Unpack[Fields]) -> None:
        """Log what somebody must look into."""
        self._logger.error(Line(event, fields))


def withhold_texts() -> None:
    """From now on, let nothing into this process's logs and warnings but our lines and what can hold no value."""
    logging.setLogRecordFactory(_AllowListed)
    warnings.showwarning = _log_warning


class _AllowListed(logging.LogRecord):
    """A record whose text is ours, or Ray's about itself, or withheld. Of an exception the trace stays."""

    def __init__(self, name: str, level: int, pathname: str, lineno: int, msg: Any, *others: Any, **more: Any) -> None:
        super().__init__(name, level, pathname, lineno, msg, *others, **more)
        error = self.exc_info[1] if self.exc_info else sys.exc_info()[1]
        if name.partition(".")[0] in _KNOWN:
            self.msg, self.args = _first_line(self._text(), error), ()
        elif not isinstance(msg, Line):
            self.msg, self.args = f"{name} at {self.filename}:{lineno} {_WITHHELD}", ()
        if self.exc_info and error is not None:
            # What is set here is not made from the exception again.
            self.exc_text = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__

    def _text(self) -> str:
        try:
            return self.getMessage()
        except (TypeError, ValueError, KeyError):
            return _WITHHELD


def _first_line(message: str, error: BaseException | None) -> str:
    """Keep what precedes a trace, without the texts of the errors that are being handled."""
    for one in _causes(error):
        if text := str(one):
            message = message.replace(text, type(one).__name__)
    return message.partition("\n")[0]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    place = f"{PurePath(filename).name}:{lineno}"
    Log("serve_app.warnings").warning(Event.WARNING, warning=category.__name__, place=place)


def _shown(name: str, value: Any) -> str | int | float:
    match value:
        case BaseException():
            return f"{type(value).__name__} at {_place_of(value)}"
        case int() | float():
            return value
    return value if re.fullmatch(FORMS[name], value) else _WITHHELD
