"""How one step's `scaling` settings become the options of a Serve deployment."""

from collections.abc import Callable
from typing import Any

from ray import serve

from serve_app.settings import Scaling, or_none

SHUTDOWN_MARGIN_S = 20
"""Seconds for what still comes until everyone knows that a replica stops, and for the end of its last answer."""


def deployment(cls: Callable[..., Any], name: str, scaling: Scaling, longest_request_s: float) -> Any:
    """Scale one step; what the chart writes into Serve's `deployments` is laid over this, without a restart.

    A replica that stops may finish its requests, the longest of which takes `longest_request_s`.
    """
    memory_bytes = or_none(scaling.memory_bytes, "none")
    resources = {"num_cpus": scaling.num_cpus, "num_gpus": scaling.num_gpus, "memory": memory_bytes}
    per_node = or_none(scaling.max_replicas_per_node, "none")
    return serve.deployment(
        cls,
        name=name,
        autoscaling_config={
            "min_replicas": scaling.min_replicas,
            "max_replicas": scaling.max_replicas,
            "target_ongoing_requests": scaling.target_ongoing_requests,
            "upscale_delay_s": scaling.upscale_delay_s,
            "downscale_delay_s": scaling.downscale_delay_s,
        },
        max_ongoing_requests=scaling.max_ongoing_requests,
        max_queued_requests=scaling.max_queued_requests,
        ray_actor_options={key: value for key, value in resources.items() if value is not None},
        **({} if per_node is None else {"max_replicas_per_node": per_node}),
        max_surge_percent=scaling.max_surge_percent,
        health_check_period_s=scaling.health_check_period_s,
        health_check_timeout_s=scaling.health_check_timeout_s,
        graceful_shutdown_timeout_s=longest_request_s + SHUTDOWN_MARGIN_S,
        # A checkpoint that is not there will not be there at the twentieth attempt, Serve's default.
        max_constructor_retry_count=3,
    )
