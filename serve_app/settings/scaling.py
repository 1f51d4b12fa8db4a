"""How any deployment scales."""

from pydantic import Field, model_validator

from serve_app.settings.step import Step


class Scaling(Step):
    """How a deployment grows, what a replica takes and when new work is turned away."""

    min_replicas: int = Field(1, ge=0)
    """Replicas kept when idle; 0 lets the deployment go away until the next request."""
    max_replicas: int = Field(1, ge=1)
    """Upper bound of the autoscaler."""
    target_ongoing_requests: float = Field(4, gt=0)
    """Requests in progress per replica that the autoscaler aims at."""
    max_ongoing_requests: int = Field(16, ge=1)
    """Requests that one replica works on at a time."""
    max_queued_requests: int = Field(64, ge=-1, json_schema_extra={"not": {"const": 0}})
    """Requests that wait at each caller before new ones get 503; -1 is no bound, and Serve knows no 0."""
    upscale_delay_s: float = Field(10, ge=0)
    """How long demand must last before a replica is added."""
    downscale_delay_s: float = Field(300, ge=0)
    """How long demand must be gone before a replica is taken away."""
    num_cpus: float = Field(0.1, ge=0)
    """CPU cores reserved per replica; a scheduling number, not a limit."""
    num_gpus: float = Field(0, ge=0)
    """GPUs reserved per replica."""
    memory_bytes: int | None = Field(None, ge=1)
    """Memory reserved per replica; none reserves nothing."""
    max_replicas_per_node: int | None = Field(None, ge=1, le=100)
    """Replicas that one node may hold, so that its loss leaves others; none is no bound."""
    max_surge_percent: int = Field(0, ge=0, le=100)
    """Share of replicas, in percent, that may come before others go while settings change; with 0 one goes first.
    Without room for them the old ones serve on, and the new settings wait."""
    health_check_period_s: float = Field(5, gt=0)
    """How often a replica is asked whether it is well."""
    health_check_timeout_s: float = Field(60, gt=0)
    """How long a replica may take to answer that; generous because a busy core answers late."""
    graceful_shutdown_timeout_s: float = Field(60, ge=0)
    """How long a replica may finish its requests before it is killed."""

    @model_validator(mode="after")
    def _bounds_agree(self) -> "Scaling":
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas {self.min_replicas} exceeds max_replicas {self.max_replicas}")
        if self.max_queued_requests == 0:
            raise ValueError("max_queued_requests is 0: Serve takes a number from 1, or -1 for no bound")
        return self
