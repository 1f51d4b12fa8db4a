"""Metrics on Ray's metrics port: whatever `metrics.py` names, with the prefix `ray_`."""

from typing import Any

from ray.util import metrics as ray_metrics

from serve_app.domain.metric import Metric
from serve_app.telemetry.metrics import METRICS


class Recorder:
    """Counts and observes; one per replica. Label values must come from closed sets, never from a request."""

    def __init__(self) -> None:
        self._series: dict[str, Any] = {metric.name: _register(metric) for metric in METRICS}

    def count(self, metric: Metric, number: int = 1, **labels: str) -> None:
        """Add to a counter; it never goes down."""
        if number > 0:
            self._series[metric.name].inc(number, tags=labels)

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Add a value to a histogram, in the unit that ends its name."""
        self._series[metric.name].observe(value, tags=labels)


def _register(metric: Metric) -> Any:
    if metric.kind == "counter":
        return ray_metrics.Counter(metric.name, metric.description, tag_keys=metric.labels)
    return ray_metrics.Histogram(
        metric.name, metric.description, boundaries=list(metric.buckets), tag_keys=metric.labels
    )
