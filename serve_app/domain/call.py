"""One call on the platform: for whom, until when, how urgent. The first argument of every port's method."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a caller may do; a route names the one that it needs."""

    REPORTS_WRITE = "reports:write"
    REPORTS_READ = "reports:read"
    CHAT = "chat"
    JOBS = "jobs"
    REVIEWS_WRITE = "reviews:write"
    REVIEWS_SIGN = "reviews:sign"
    ADMIN = "admin"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Principal:
    """On whose behalf we work: `subject` asks, `tenant` keeps caches apart, `scopes` say what is allowed."""

    subject: str
    tenant: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class Call:
    """What travels with a request through every step. Nothing has a default, so nothing is granted by forgetting it.

    `deadline_unix_s` is wall-clock time (seconds since 1970) at which every step stops; lower values of `priority` go
    first; `trace_context` holds W3C trace headers.
    """

    request_id: str
    principal: Principal
    deadline_unix_s: float
    priority: int
    trace_context: Mapping[str, str]
