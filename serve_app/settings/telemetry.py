from typing import Literal

from pydantic import Field

from serve_app.settings.step import Step


class TelemetrySettings(Step):
    """Traces and logs of the service; never anything about a patient."""

    otlp_endpoint: str = Field("none", min_length=1)
    """URL of the OTLP collector for traces, such as http://collector:4318/v1/traces; "none" sends no traces."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Lowest severity that is logged."""
