from pydantic import Field

from serve_app.settings.step import Scaling, Step


class GatewaySettings(Step):
    """The FastAPI ingress."""

    scaling: Scaling = Scaling(max_ongoing_requests=256, target_ongoing_requests=64)
    max_upload_bytes: int = Field(50_000_000, ge=1)
    """Largest image file in bytes; larger ones get 413. A 3000 x 3000 16-bit DICOM file takes 18 MB."""
    upload_timeout_s: float = Field(60, gt=0)
    """Seconds a client may take to send its form; then it gets 408. The largest file needs 6.7 Mbit/s."""
    deadline_s: float = Field(120, gt=0)
    """Seconds a whole report may take, both turns included. After that every step stops and the engine aborts."""
    readiness_timeout_s: float = Field(5, gt=0)
    """Seconds that /readyz and /version wait for an engine replica; then they return 503."""
    ping_period_s: float = Field(15, gt=0)
    """Seconds of silence after which an event stream sends a comment, so that proxies keep it open."""
