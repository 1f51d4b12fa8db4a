import math

from pydantic import Field, model_validator

from serve_app.settings.step import Scaling, Step


class GatewaySettings(Step):
    """The FastAPI ingress."""

    scaling: Scaling = Scaling(max_ongoing_requests=1024, target_ongoing_requests=64)
    max_upload_bytes: int = Field(50_000_000, ge=1)
    """Largest image file in bytes; larger ones get 413. A 3000 x 3000 16-bit DICOM file takes 18 MB."""
    max_in_flight_bytes: int = Field(400_000_000, ge=1)
    """Most bytes of uploads that one replica holds until their reports end; further uploads get 503. At its peak a
    replica takes about five times as much memory. A single upload is admitted whatever its size."""
    max_uploads: int = Field(960, ge=1)
    """Most uploads and reports in progress in one replica; further ones get 503. Keep it below
    `scaling.max_ongoing_requests`, so that health checks need not wait for reports."""
    upload_timeout_s: float = Field(20, gt=0)
    """Seconds that an upload may last, beside one second for every `min_upload_bytes_per_s`; then it gets 408."""
    min_upload_bytes_per_s: int = Field(50_000, ge=1)
    """Slowest pace of a long upload, in bytes per second; a slower client gets 408."""
    max_upload_s: float = Field(120, gt=0)
    """Seconds after which any upload ends with 408, because it holds memory. 50 MB at 4 Mbit/s take 100 s."""
    deadline_s: float = Field(120, gt=0)
    """Seconds a whole report may take, both turns included. After that every step stops and the engine aborts. A
    stopping replica finishes every upload and report within their limits."""
    readiness_timeout_s: float = Field(5, gt=0)
    """Seconds that /readyz and /version wait for an engine replica; then they return 503."""
    ping_period_s: float = Field(15, gt=0)
    """Seconds of silence after which an event stream sends a comment, so that proxies keep it open."""

    @property
    def longest_request_s(self) -> int:
        """Seconds from a request's first byte to the last of its answer, rounded up."""
        return math.ceil(self.max_upload_s + self.deadline_s)

    @model_validator(mode="after")
    def _require_order(self) -> "GatewaySettings":
        first_s, longest_s = self.upload_timeout_s, self.max_upload_s
        if first_s > longest_s:
            raise ValueError(f"upload_timeout_s ({first_s:g}) must not exceed max_upload_s ({longest_s:g})")
        return self
