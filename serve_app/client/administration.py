"""The wire models of the routes for administrators."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from .schemas import Body

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Tenant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]


class Scope(StrEnum):
    """What a key may do."""

    REPORTS_WRITE = "reports:write"
    REPORTS_READ = "reports:read"
    CHAT = "chat"
    JOBS = "jobs"
    REVIEWS_WRITE = "reviews:write"
    REVIEWS_SIGN = "reviews:sign"
    ADMIN = "admin"
    METRICS = "metrics"


class Request(Body):
    """What every request body has in common: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid")


class KeyRequest(Request):
    """A new API key."""

    name: Name
    """Who or what uses it, for people to recognise."""
    scopes: list[Scope] = Field(min_length=1)
    """What it may do."""
    tenant: Tenant | None = None
    """On whose behalf it works; null means the caller's own tenant. Operators may name another."""
    expires_in_s: float | None = Field(None, gt=0)
    """Seconds until it ends; null means that it does not end by itself."""


class RotationRequest(Request):
    """How a key is replaced."""

    overlap_s: float = Field(86_400, ge=0)
    """Seconds for which the old key works on."""


class KeyBody(Body):
    """An API key, without the text that opens."""

    id: str
    tenant: str
    name: str
    scopes: list[Scope]
    created: datetime
    expires: datetime | None = None
    """Null where it does not end by itself."""
    revoked: datetime | None = None
    """Null where it is not revoked."""
    last_used: datetime | None = None
    """To the minute; null where it was never used."""


class NewKeyBody(KeyBody):
    """A key that was just made."""

    key: str
    """The text to send as `Authorization: Bearer <key>`. It is shown this once."""


class KeysBody(Body):
    """API keys, oldest first."""

    keys: list[KeyBody]
