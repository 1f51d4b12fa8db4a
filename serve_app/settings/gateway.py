from pydantic import Field

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
    deadline_s: float = Field(120, gt=0)
    """Seconds a whole report may take, both turns included. After that every step stops and the engine aborts."""
    readiness_timeout_s: float = Field(5, gt=0)
    """Seconds that /readyz and /version wait for an engine replica; then they return 503."""
    ping_period_s: float = Field(15, gt=0)
    """Seconds of silence after which an event stream sends a comment, so that proxies keep it open."""
