"""The images."""

from typing import Literal

from pydantic import Field, model_validator

from serve_app.settings.scaling import Scaling
from serve_app.settings.step import Step


class ScreenSettings(Step):
    """The gate: is this a chest X-ray?"""

    policy: Literal["enforce", "record"] = "enforce"
    """`enforce` stops what fails, `record` only writes the verdict into the report."""
    pass_score: float = Field(0.8, ge=0, le=1)
    """At or above it the image passes."""
    refuse_score: float = Field(0.3, ge=0, le=1)
    """Below it the image is refused; between the two the client must confirm."""

    @model_validator(mode="after")
    def _order(self) -> "ScreenSettings":
        if self.refuse_score > self.pass_score:
            raise ValueError(f"refuse_score {self.refuse_score} exceeds pass_score {self.pass_score}")
        return self


class PreprocessorSettings(Step):
    """Bytes to model input."""

    scaling: Scaling = Scaling(max_ongoing_requests=4, target_ongoing_requests=2)
    max_visual_tokens: int = Field(64, ge=4)
    """Budget of an image in tokens of 28 x 28 pixels, at most the model's own: the demo 64, the seed's model 1280."""
    max_pixels: int = Field(64_000_000, ge=1)
    """Largest width times height that is decoded."""
    max_frames: int = Field(1, ge=1)
    """Frames accepted in one DICOM object; only the first is read."""
    decode_timeout_s: float = Field(20, gt=0)
    """How long one image may take to decode."""
    num_workers: int = Field(2, ge=1)
    """Images that one replica prepares at the same time, each on a thread."""
    screen: ScreenSettings = ScreenSettings()
