"""The wire models of the audit log and of stops, for administrators."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from .administration import Request
from .schemas import Body

Reason = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class StopKind(StrEnum):
    """What a stop is about."""

    ALL = "all"
    TENANT = "tenant"
    MODEL = "model"


class StopRequest(Request):
    """A stop of drafting."""

    kind: StopKind = StopKind.TENANT
    """Only operators stop everything, or a model."""
    name: str | None = Field(None, min_length=1, max_length=200)
    """The tenant, or the model as reports name it; null means the caller's own tenant, or all."""
    reason: Reason = "unstated"
    """A code, such as `drift` or `recall-2026-3`; clients read it."""

    @model_validator(mode="after")
    def _require_model(self) -> "StopRequest":
        if self.kind is StopKind.MODEL and self.name is None:
            raise ValueError("name the model")
        return self


class StopBody(Body):
    """A stop in effect."""

    id: str
    kind: StopKind
    name: str
    """The tenant or the model; empty where everything is stopped."""
    reason: str
    since: datetime


class StopsBody(Body):
    """The stops in effect that concern the caller, oldest first."""

    stops: list[StopBody]


class AuditEntryBody(Body):
    """One entry of the audit log, with everything that its hash is computed from."""

    tenant: str
    sequence: int
    time_unix_ms: int
    subject: str
    """Who did it, named by the credential."""
    action: str
    object: str
    """The report, the key or the stop that it was done to."""
    request_id: str
    details: dict[str, Any]
    commitment: str | None = None
    """Hex SHA-256 over salt and personal data; null where there never were any."""
    previous: str
    hash: str
    personal: dict[str, Any] | None = None
    """Null where there never were any, or where they were erased."""
    salt: str | None = None


class AuditPageBody(Body):
    """Entries of one tenant in their order."""

    entries: list[AuditEntryBody]
    next_after: int | None = None
    """Send it as `after` for the next page; null where there may be none."""
