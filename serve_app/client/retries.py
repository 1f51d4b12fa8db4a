"""Decides when a failed call is repeated; reads no clock."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .errors import ClientError, ProblemError, Unreachable

MAX_RETRIES = 2
# Too many requests, and a service that will be back: neither has made a report.
_WORTH_REPEATING = frozenset({429, 503})
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 8.0
# Clients that were turned away together must not come back together.
_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Retries:
    """Repeats a failed connection and a refusal for now, at most `max_retries` times."""

    max_retries: int = MAX_RETRIES

    def wait_s(self, num_failures: int, failure: ClientError) -> float | None:
        """Return the seconds to wait after the last of `num_failures`; null: give up.

        Never less than the server's Retry-After; without one, twice as long each time.
        """
        if num_failures > self.max_retries or not _is_worth_repeating(failure):
            return None
        asked_s = failure.retry_after_s if isinstance(failure, ProblemError) else None
        wait_s = min(_FIRST_WAIT_S * 2 ** (num_failures - 1), _LONGEST_WAIT_S) if asked_s is None else asked_s
        return wait_s * (1 + random.uniform(0, _SPREAD))


def _is_worth_repeating(failure: ClientError) -> bool:
    if isinstance(failure, ProblemError):
        # An operator's stop lasts until an operator lifts it.
        return failure.problem.status in _WORTH_REPEATING and failure.code != "drafting-stopped"
    return isinstance(failure, Unreachable)


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or a date; null where it is neither. Source: RFC 9110, section 10.2.3."""
    if header is None:
        return None
    if header.isascii() and header.isdigit() and len(header) < 10:
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())
