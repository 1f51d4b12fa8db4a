from collections.abc import Mapping
from typing import Literal

from pydantic import Field, PositiveInt

from serve_app.settings.step import Step


class Quota(Step):
    """What one tenant, or one key, may have in each gateway replica; beyond it there is 429. "none" sets no bound."""

    requests_per_minute: PositiveInt | Literal["none"] = "none"
    """Report requests per minute; unused ones add up to one minute's."""
    max_reports: PositiveInt | Literal["none"] = "none"
    """Reports in progress, uploads included."""
    max_bytes: PositiveInt | Literal["none"] = "none"
    """Bytes of uploads in progress."""


class TenantSettings(Step):
    """One tenant's part of the platform."""

    weight: float = Field(1, gt=0)
    """Its share where reports must wait, relative to other tenants that wait at the same time."""
    tenant: Quota = Quota()
    """What all its callers may have together."""
    caller: Quota = Quota()
    """What each of its callers may have: one API key, or one subject of an issuer."""


class AdmissionSettings(Step):
    """How many reports are in progress at a time, and who waits for whom."""

    slots_per_engine: PositiveInt | Literal["auto"] = "auto"
    """Reports in progress for each engine replica; further ones wait here, tenant by tenant. "auto" takes what the
    replica admits, `engine.scaling.max_ongoing_requests`."""
    max_wait_s: float = Field(2, gt=0)
    """Longest wait for a slot, as expected from the measured rate; a request that would wait longer gets 503."""
    max_waiting: int = Field(512, ge=1)
    """Most requests that wait for a slot in one gateway replica, whatever the rate; further ones get 503."""
    default: TenantSettings = TenantSettings()
    """For tenants that are not named."""
    tenants: Mapping[str, TenantSettings] = {}
    """By tenant."""

    def of(self, tenant: str) -> TenantSettings:
        """Find a tenant's part."""
        return self.tenants.get(tenant, self.default)
