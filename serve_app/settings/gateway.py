"""The door."""

from pydantic import Field

from serve_app.settings.scaling import Scaling
from serve_app.settings.step import Step


class GatewaySettings(Step):
    """The door: FastAPI ingress."""

    scaling: Scaling = Scaling(max_ongoing_requests=256, target_ongoing_requests=64)
    max_upload_bytes: int = Field(50_000_000, ge=1)
    """Largest image file accepted; a 3000 x 3000 16-bit DICOM is 18 MB."""
    upload_timeout_s: float = Field(60, gt=0)
    """How long a client may take to send its form; the largest one in that time is 6.7 Mbit/s."""
    deadline_s: float = Field(120, gt=0)
    """Seconds a whole report may take, both turns; then every step stops and the engine aborts."""
    readiness_timeout_s: float = Field(5, gt=0)
    """How long /readyz and /version wait for an engine replica to answer."""
    ping_period_s: float = Field(15, gt=0)
    """How often a silent event stream carries a comment, so that proxies keep it open."""
