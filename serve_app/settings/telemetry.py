"""Traces and logs."""

from typing import Literal

from serve_app.settings.step import Step


class TelemetrySettings(Step):
    """What is told about the service; never about a patient."""

    otlp_endpoint: str | None = None
    """Where traces go, for example http://collector:4318/v1/traces; none keeps them off."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severity that is logged."""
