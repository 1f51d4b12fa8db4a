from typing import Literal

from pydantic import Field

from serve_app.settings.step import Step


class AccessSettings(Step):
    """Who may ask."""

    mode: Literal["open", "required"] = "open"
    """`open`: nobody is asked who it is, so the platform listens on loopback only, or behind something that
    authenticates; `required`: every request but health checks proves who sends it."""
    max_key_age_s: float = Field(2, gt=0, le=5)
    """Seconds for which a replica trusts what it read of an API key: a revoked key works so much longer at most."""
    operator_tenant: str = Field("operator", min_length=1)
    """The tenant whose administrators manage every tenant; those of other tenants manage their own."""
