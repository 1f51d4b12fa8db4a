"""What the service says about itself: whether it can work, and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

_SENTENCES: Mapping[str, str] = {
    "serving": "Reports can be made.",
    "at-zero": "The engines are scaled to zero on purpose: the next report waits until one has started.",
    "no-engine": "No engine is running: it is on its way, or it has stopped.",
    "engine-busy": "No engine answered in time.",
    "engine-failed": "No engine can start.",
    "stopped": "An operator has stopped drafting.",
    "partly-stopped": "Reports can be made, but an operator has stopped drafting for a tenant or by a model.",
    "stops-unread": "Reports can be made, but whether an operator has stopped drafting cannot be read anew.",
}


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a report sent now would be worked on; `reason` is a stable code, as `serving` or `no-engine`.

    `detail` is a sentence for a person, safe to show to a client, where more is known than the reason says.
    """

    is_ready: bool
    reason: str
    detail: str = ""

    @property
    def sentence(self) -> str:
        """What a person reads: the detail, or what the reason means."""
        return self.detail or _SENTENCES.get(self.reason, "No report can be made now.")


@dataclass(frozen=True, slots=True)
class ServiceVersion:
    """What makes a report reproducible: our release, the model, the engine, the prompts and the preparation."""

    version: str
    model: str
    engine: str
    engine_version: str
    prompt_version: str
    preparation_version: str
    model_digest: str | None = None
