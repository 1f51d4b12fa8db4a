from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

T = TypeVar("T")


class Step(BaseModel):
    """A group of settings; unknown keys are an error, docstrings under fields are their description."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _lay_over_defaults(cls, values: Any) -> Any:
        """Keep the step's own defaults beside the keys that are given: a scaling block differs from step to step."""
        if isinstance(values, dict):
            for name, field in cls.model_fields.items():
                if isinstance(field.default, Step) and isinstance(values.get(name), dict):
                    values = {**values, name: field.default.model_dump() | values[name]}
        return values


class Scaling(Step):
    """How a deployment grows, what a replica reserves and when new work is turned away."""

    min_replicas: int = Field(1, ge=0)
    """Fewest replicas, kept even when idle. At 0 the next request waits for a replica to start."""
    max_replicas: int = Field(1, ge=1)
    """Most replicas that the autoscaler starts."""
    target_ongoing_requests: float = Field(4, gt=0)
    """Requests in progress per replica that the autoscaler aims for; above this it adds replicas."""
    max_ongoing_requests: int = Field(16, ge=1)
    """Most requests in progress on one replica; further ones queue at the caller."""
    max_queued_requests: int = Field(64, ge=-1, json_schema_extra={"not": {"const": 0}})
    """Most requests queued at each caller; further ones get 503. -1 sets no limit; Serve rejects 0."""
    upscale_delay_s: float = Field(10, ge=0)
    """Seconds that demand must last before a replica is added."""
    downscale_delay_s: float = Field(300, ge=0)
    """Seconds that demand must stay away before a replica is removed."""
    num_cpus: float = Field(0.1, ge=0)
    """CPU cores reserved per replica. Ray schedules by this number and does not enforce it."""
    num_gpus: float = Field(0, ge=0)
    """GPUs reserved per replica."""
    memory_bytes: PositiveInt | Literal["none"] = "none"
    """Memory reserved per replica, in bytes; "none" reserves none."""
    max_replicas_per_node: Annotated[int, Field(ge=1, le=100)] | Literal["none"] = "none"
    """Most replicas on one node, so that losing the node leaves others; "none" sets no limit."""
    max_surge_percent: int = Field(0, ge=0, le=100)
    """Extra replicas during a rollout, in percent; at 0 an old one stops before a new one starts. Where the extra ones
    don't fit, the old ones keep serving and the rollout waits."""
    health_check_period_s: float = Field(5, gt=0)
    """Seconds between two health checks of a replica."""
    health_check_timeout_s: float = Field(60, gt=0)
    """Seconds a health check may take; beyond that it has failed. Generous, because a busy core answers late."""

    @model_validator(mode="after")
    def _require_order(self) -> "Scaling":
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas ({self.min_replicas}) must not exceed max_replicas ({self.max_replicas})")
        if self.max_queued_requests == 0:
            raise ValueError("max_queued_requests must be 1 or more, or -1 for no limit: Serve rejects 0")
        return self


def or_none(value: T | Literal["auto", "none"], word: Literal["auto", "none"]) -> T | None:
    """Return None for the word that the setting has instead of null, which Helm drops, and any other value as it is."""
    return None if value == word else value  # type: ignore[return-value]
