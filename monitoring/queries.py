"""Builds PromQL queries. Metric names come from `telemetry.metrics`; Ray exports them with the prefix `ray_`.

Ray computes a histogram's sum from bucket midpoints, so no query here uses a mean.
"""

from dataclasses import dataclass

from monitoring.objectives import Objective
from serve_app.domain.metric import Metric
from serve_app.telemetry.metrics import REPORTS, VALID_OUTCOMES


@dataclass(frozen=True, slots=True)
class Scope:
    """Which series a query reads, and the labels by which it groups them."""

    selector: str
    by: tuple[str, ...] = ()


# The cluster chosen on the dashboard. A platform outside Kubernetes has no such label; `.*` matches that too.
DASHBOARD = Scope('ray_io_cluster=~"$cluster"')
# The series of one scrape job: `clara` in a plain Prometheus; the chart inserts the release's own job. The Ray cluster
# cannot be the scope, because an upgrade renames it.
RELEASE = Scope('job="clara"', ("namespace", "job"))


def exported(metric: Metric) -> str:
    """Return the name under which Ray exports a metric."""
    return f"ray_{metric.name}"


def rate(name: str, by: str = "", window: str = "5m", where: str = "", scope: Scope = DASHBOARD) -> str:
    """Query a counter's events per second, grouped by the label `by` and the scope's labels."""
    return f"{_grouped('sum', by, scope)}(rate({_series(name, where, scope)}[{window}]))"


def highest(name: str, by: str, scope: Scope = DASHBOARD) -> str:
    """Query a gauge's highest value for each value of the label `by`."""
    return f"{_grouped('max', by, scope)}({_series(name, '', scope)})"


def total(name: str, by: str = "", scope: Scope = DASHBOARD) -> str:
    """Query the sum of a gauge, or of a counter's current value, grouped by the label `by`."""
    return f"{_grouped('sum', by, scope)}({_series(name, '', scope)})"


def quantile(name: str, ratio: float, by: str = "") -> str:
    """Query a quantile of a histogram for each value of the label `by`."""
    return f"histogram_quantile({ratio}, {rate(f'{name}_bucket', by=','.join(filter(None, ('le', by))))})"


def share(part: str, whole: str, by: str = "", where: str = "") -> str:
    """Query the ratio of two counters' rates. Names are exported names; `where` filters `part` only.

    A part without a series was never counted, so its share is 0.
    """
    every = rate(whole, by)
    return f"({rate(part, by, where=where)} or 0 * {every}) / {every}"


def kept_share(objective: Objective, window: str) -> str:
    """Query the share of events in a window that met an objective."""
    # `or vector(0)`: before the first failure the series does not exist.
    bad = f"({bad_rate(objective, window, DASHBOARD)} or vector(0))"
    return f"1 - {bad} / {event_rate(objective, window, DASHBOARD)}"


def bad_rate(objective: Objective, window: str, scope: Scope = RELEASE) -> str:
    """Query the events per second that missed an objective; empty until the first one."""
    name = exported(objective.source)
    if objective.threshold_s is None:
        return rate(name, window=window, where=_outcomes(objective.bad_outcomes), scope=scope)
    # Ray writes bounds as Python floats, so 30 s is le="30.0".
    bound = f'le="{float(objective.threshold_s)}"'
    return f"({event_rate(objective, window, scope)} - {rate(f'{name}_bucket', '', window, bound, scope)})"


def event_rate(objective: Objective, window: str, scope: Scope = RELEASE) -> str:
    """Query all events per second that an objective counts."""
    if objective.threshold_s is None:
        return valid_rate(window, scope)
    return rate(f"{exported(objective.source)}_count", window=window, scope=scope)


def valid_rate(window: str, scope: Scope = RELEASE) -> str:
    """Query the report requests per second whose reports could have been made."""
    return rate(exported(REPORTS), window=window, where=_outcomes(VALID_OUTCOMES), scope=scope)


def _outcomes(outcomes: tuple[str, ...]) -> str:
    return f'outcome=~"{"|".join(outcomes)}"'


def _series(name: str, where: str, scope: Scope) -> str:
    return f"{name}{{{','.join(filter(None, (scope.selector, where)))}}}"


def _grouped(operator: str, by: str, scope: Scope) -> str:
    labels = ",".join(filter(None, (*scope.by, by)))
    return f"{operator} by ({labels}) " if labels else operator
