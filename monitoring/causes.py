"""Alerts on the causes of broken objectives, and on failures that no objective counts. Each names a first step.

The limits were set before any measurement on a GPU.
"""

from monitoring.queries import RELEASE, exported, highest, rate, total, valid_rate
from monitoring.rules import Alert, Group
from serve_app.telemetry.metrics import REPORTS, SECTIONS

_HEALTHY = "ray_serve_deployment_replica_healthy"
_WANTED = "ray_serve_autoscaling_target_replicas"
_FAILED_CHECKS = "ray_serve_health_check_failures_total"
_CACHE_IN_USE = "ray_vllm_kv_cache_usage_perc"

_MAX_UNAVAILABLE_RATIO = 0.05
_MAX_CUT_OFF_RATIO = 0.1
_MIN_CUT_OFF = 5
_MAX_FAILED_CHECKS = 2
_MAX_CACHE_RATIO = 0.95
_SHARE = "{{ $value | humanizePercentage }}"
_DEPLOYMENT = "{{ $labels.deployment }}"


def _failed_checks() -> str:
    """Count from the hour's lowest total: a replica's series starts at 1, which `increase` does not count.

    Observed on Ray 2.60. A deployment that wants replicas and has no series has no failures yet. Without any data, as
    before Prometheus started, the result is empty.
    """
    now = total(_FAILED_CHECKS, "deployment", scope=RELEASE)
    wanted = total(_WANTED, "deployment", scope=RELEASE)
    return f"{now} - min_over_time(({now} or 0 * {wanted})[1h:1m])"


def _of_reports(outcome: str, window: str) -> str:
    part = rate(exported(REPORTS), window=window, where=f'outcome="{outcome}"', scope=RELEASE)
    return f"{part} / ({valid_rate(window)} > 0)"


def _cut_off() -> str:
    name = exported(SECTIONS)
    part = rate(name, "section", "1h", 'status!="complete"', RELEASE)
    whole = rate(name, "section", "1h", scope=RELEASE)
    return f"{part} / ({whole} > 0) > {_MAX_CUT_OFF_RATIO}\nand {part} * 3600 >= {_MIN_CUT_OFF}"


def causes() -> Group:
    """List the alerts: is the platform up, can it work, does it reject reports, are its sections complete."""
    return Group("clara-causes", (*_REPLICAS, *_REPORTS))


_REPLICAS = (
    Alert(
        "ClaraAbsent",
        "page",
        f"absent({_HEALTHY}{{{RELEASE.selector}}})",
        "CLARA reports no metrics",
        "Prometheus has received no Ray Serve metric for 5 minutes. Either the platform is down or its metrics are not "
        "scraped. The alerts on missing and failing replicas cannot fire meanwhile. First run `helm test`.",
        hold="5m",
    ),
    Alert(
        "ClaraDeploymentDown",
        "page",
        f"{total(_WANTED, 'deployment', scope=RELEASE)} > 0\nunless {total(_HEALTHY, 'deployment', scope=RELEASE)} > 0",
        f"No replica of {_DEPLOYMENT} is healthy",
        f"No reports are made: {_DEPLOYMENT} should have {{{{ $value }}}} replicas and has had none for 15 minutes. A "
        "deployment that scaled to zero does not raise this alert. First look for pending pods.",
        hold="15m",
    ),
    Alert(
        "ClaraReplicasMissing",
        "ticket",
        f"{total(_WANTED, 'deployment', scope=RELEASE)} - {total(_HEALTHY, 'deployment', scope=RELEASE)} > 0",
        f"{_DEPLOYMENT} has fewer replicas than it wants",
        f"{{{{ $value }}}} replicas of {_DEPLOYMENT} have been missing for 30 minutes. Reports are still made, with "
        "less capacity. First look for pending pods.",
        hold="30m",
    ),
    Alert(
        "ClaraReplicasFailing",
        "ticket",
        f"{_failed_checks()} > {_MAX_FAILED_CHECKS}",
        f"Replicas of {_DEPLOYMENT} keep failing their health checks",
        f"{{{{ $value }}}} health checks of {_DEPLOYMENT} failed in the last hour. Serve replaces such replicas; "
        "reports in progress on them fail. First read the logs of the replicas that were replaced.",
    ),
    Alert(
        "ClaraKvCacheFull",
        "ticket",
        f"{highest(_CACHE_IN_USE, 'ReplicaId', scope=RELEASE)} > {_MAX_CACHE_RATIO}",
        "An engine's key-value cache is full",
        f"{_SHARE} of the cache of engine replica {{{{ $labels.ReplicaId }}}} has been in use for 15 minutes. When it "
        "is full, vLLM preempts turns, and reports take longer. First check whether it is one replica or all.",
        hold="15m",
    ),
)
_REPORTS = (
    Alert(
        "ClaraReportsTurnedAway",
        "ticket",
        f"{_of_reports('unavailable', '10m')} > {_MAX_UNAVAILABLE_RATIO}",
        "Report requests are rejected",
        f"{_SHARE} of valid report requests in the last 10 minutes got 503 or 504, and this has lasted 15 minutes. "
        "Queues are full, deadlines pass or engines die. First look at the queued requests of each deployment.",
        hold="15m",
    ),
    Alert(
        "ClaraSectionsCutOff",
        "ticket",
        _cut_off(),
        "Incomplete sections in drafts: {{ $labels.section }}",
        f"{_SHARE} of {{{{ $labels.section }}}} sections in the last hour were truncated, empty or looping. Each draft "
        "says so to the doctor, who has to write it by hand. First check whether the model or the prompts changed.",
    ),
)
