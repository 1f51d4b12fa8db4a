"""What the service says about itself: whether it can work, and what it is made of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a report sent now would be worked on; `reason` is a stable code, as `serving` or `no-engine`."""

    is_ready: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ServiceVersion:
    """What makes a report reproducible: our release, the model, the engine, the prompts and the preparation."""

    version: str
    model: str
    engine: str
    engine_version: str
    prompt_version: str
    preparation_version: str
