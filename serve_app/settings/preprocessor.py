from typing import Literal

from pydantic import Field, model_validator

from serve_app.settings.step import Scaling, Step


class ScreenSettings(Step):
    """The gate: is this a chest X-ray?"""

    policy: Literal["enforce", "record"] = "enforce"
    """What a failed image causes: `enforce` rejects it, `record` only writes the verdict into the report."""
    pass_score: float = Field(0.8, ge=0, le=1)
    """Lowest score, from 0 to 1, at which an image passes."""
    refuse_score: float = Field(0.3, ge=0, le=1)
    """Score below which an image is rejected. Between this and `pass_score` the client must confirm the image."""

    @model_validator(mode="after")
    def _require_order(self) -> "ScreenSettings":
        if self.refuse_score > self.pass_score:
            raise ValueError(f"refuse_score ({self.refuse_score}) must not exceed pass_score ({self.pass_score})")
        return self


class PreprocessorSettings(Step):
    """Bytes to model input."""

    scaling: Scaling = Scaling(max_ongoing_requests=4, target_ongoing_requests=2)
    max_visual_tokens: int = Field(64, ge=4)
    """Most tokens per image, of 28 x 28 pixels each; a larger image is scaled down. No engine starts with more than its
    checkpoint was trained on: the demo 64, the full-size model 1280."""
    max_pixels: int = Field(64_000_000, ge=1)
    """Most pixels (width times height) of an image; larger ones are rejected before decoding. It also sets the memory
    that decoding an image may take: 12 bytes for each of these pixels and 256 MB, 1 GB by default."""
    max_frames: int = Field(1, ge=1)
    """Most frames in a DICOM object; objects with more are rejected. Only the first frame is read."""
    decode_timeout_s: float = Field(20, gt=0)
    """Seconds that decoding one image may take; then its process is killed and the image is rejected."""
    num_workers: int = Field(2, ge=1)
    """Images that a replica prepares at a time, each decoded in a process of its own; further images wait, at most
    `decode_timeout_s`."""
    screen: ScreenSettings = ScreenSettings()
