"""PromQL, one function a question. Names come from `telemetry.metrics`; Ray exports them with the prefix `ray_`.

Ray's histograms carry a sum made of bucket midpoints, so no query here takes a mean.
"""

from monitoring.objectives import Objective
from serve_app.telemetry.metrics import Metric

# Selects the dashboard's choice; a platform without Kubernetes has no such label, which `.*` matches too.
SELECTOR = 'ray_io_cluster=~"$cluster"'


def exported(metric: Metric) -> str:
    """Name a metric of ours as Prometheus sees it."""
    return f"ray_{metric.name}"


def rate(name: str, by: str = "", window: str = "5m", where: str = "") -> str:
    """Events per second of a counter, summed over everything but the label `by`."""
    selector = ",".join(part for part in (SELECTOR, where) if part)
    return f"{_sum(by)}(rate({name}{{{selector}}}[{window}]))"


def highest(name: str, by: str) -> str:
    """The highest value of a gauge for each value of the label `by`."""
    return f"max by ({by}) ({name}{{{SELECTOR}}})"


def total(name: str, by: str = "") -> str:
    """A gauge summed over everything but the label `by`."""
    return f"{_sum(by)}({name}{{{SELECTOR}}})"


def quantile(name: str, ratio: float, by: str = "") -> str:
    """A quantile of a histogram, per value of the label `by`."""
    return f"histogram_quantile({ratio}, {rate(f'{name}_bucket', by=','.join(filter(None, ('le', by))))})"


def share(part: str, whole: str, by: str = "", where: str = "") -> str:
    """The ratio of two counters' rates, both named as exported; `where` selects of the part."""
    return f"{rate(part, by, where=where)} / {rate(whole, by)}"


def kept_share(objective: Objective, window: str) -> str:
    """The share of events in a window that kept an objective."""
    name = exported(objective.source)
    if objective.threshold_s is None:
        bad = f'outcome=~"{"|".join(objective.bad_outcomes)}"'
        # `or vector(0)`: without any failure the series does not exist.
        return f"1 - ({rate(name, window=window, where=bad)} or vector(0)) / {rate(name, window=window)}"
    # Ray writes bounds as Python floats, so 30 s is le="30.0".
    bound = f'le="{float(objective.threshold_s)}"'
    return f"{rate(f'{name}_bucket', window=window, where=bound)} / {rate(f'{name}_count', window=window)}"


def _sum(by: str) -> str:
    return f"sum by ({by}) " if by else "sum"
