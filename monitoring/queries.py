"""PromQL, one function a question. Names come from `telemetry.metrics`; Ray exports them with the prefix `ray_`.

Ray's histograms carry a sum made of bucket midpoints, so no query here takes a mean.
"""

from dataclasses import dataclass

from monitoring.objectives import Objective
from serve_app.domain.metric import Metric


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose series a query reads, and the labels by which it keeps them apart."""

    selector: str
    by: tuple[str, ...] = ()


# The dashboard's choice; a platform without Kubernetes has no such label, which `.*` matches too.
DASHBOARD = Scope('ray_io_cluster=~"$cluster"')
# What one scrape job reads: a plain Prometheus calls it `clara`; the chart puts its release's own job there. Not the
# Ray cluster: an upgrade gives that a new name.
RELEASE = Scope('job="clara"', ("namespace", "job"))


def exported(metric: Metric) -> str:
    """Name a metric of ours as Prometheus sees it."""
    return f"ray_{metric.name}"


def rate(name: str, by: str = "", window: str = "5m", where: str = "", scope: Scope = DASHBOARD) -> str:
    """Events per second of a counter, summed over everything but the label `by` and the scope's."""
    return f"{_grouped('sum', by, scope)}(rate({_series(name, where, scope)}[{window}]))"


def highest(name: str, by: str, scope: Scope = DASHBOARD) -> str:
    """The highest value of a gauge for each value of the label `by`."""
    return f"{_grouped('max', by, scope)}({_series(name, '', scope)})"


def total(name: str, by: str = "", scope: Scope = DASHBOARD) -> str:
    """A gauge, or a counter as it stands, summed over everything but the label `by`."""
    return f"{_grouped('sum', by, scope)}({_series(name, '', scope)})"


def quantile(name: str, ratio: float, by: str = "") -> str:
    """A quantile of a histogram, per value of the label `by`."""
    return f"histogram_quantile({ratio}, {rate(f'{name}_bucket', by=','.join(filter(None, ('le', by))))})"


def share(part: str, whole: str, by: str = "", where: str = "") -> str:
    """The ratio of two counters' rates, both named as exported; `where` selects of the part.

    A part that was never counted has no series, and its share is 0.
    """
    every = rate(whole, by)
    return f"({rate(part, by, where=where)} or 0 * {every}) / {every}"


def kept_share(objective: Objective, window: str) -> str:
    """The share of events in a window that kept an objective."""
    # `or vector(0)`: without any failure the series does not exist.
    bad = f"({bad_rate(objective, window, DASHBOARD)} or vector(0))"
    return f"1 - {bad} / {event_rate(objective, window, DASHBOARD)}"


def bad_rate(objective: Objective, window: str, scope: Scope = RELEASE) -> str:
    """Events per second that did not keep an objective; no result where none ever did not."""
    name = exported(objective.source)
    if objective.threshold_s is None:
        bad = f'outcome=~"{"|".join(objective.bad_outcomes)}"'
        return rate(name, window=window, where=bad, scope=scope)
    # Ray writes bounds as Python floats, so 30 s is le="30.0".
    bound = f'le="{float(objective.threshold_s)}"'
    return f"({event_rate(objective, window, scope)} - {rate(f'{name}_bucket', '', window, bound, scope)})"


def event_rate(objective: Objective, window: str, scope: Scope = RELEASE) -> str:
    """Events per second, whether they kept an objective or not."""
    name = exported(objective.source)
    return rate(name if objective.threshold_s is None else f"{name}_count", window=window, scope=scope)


def _series(name: str, where: str, scope: Scope) -> str:
    return f"{name}{{{','.join(filter(None, (scope.selector, where)))}}}"


def _grouped(operator: str, by: str, scope: Scope) -> str:
    labels = ",".join(filter(None, (*scope.by, by)))
    return f"{operator} by ({labels}) " if labels else operator
