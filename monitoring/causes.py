"""Alerts on what will break a promise, or breaks one that is not counted: few, each with something to do about it.

The limits were set before any measurement on a GPU.
"""

from monitoring.queries import RELEASE, exported, highest, rate, total
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
    """Count from the hour's lowest total: a replica's series begins at 1, and `increase` sees no growth in that.

    Seen on Ray 2.60. A deployment that wants replicas and shows no series has none failed yet; where nothing was read,
    as before Prometheus began, nothing is known and nothing is told.
    """
    now = total(_FAILED_CHECKS, "deployment", scope=RELEASE)
    wanted = total(_WANTED, "deployment", scope=RELEASE)
    return f"{now} - min_over_time(({now} or 0 * {wanted})[1h:1m])"


def _of_reports(outcome: str, window: str) -> str:
    part = rate(exported(REPORTS), window=window, where=f'outcome="{outcome}"', scope=RELEASE)
    return f"{part} / ({rate(exported(REPORTS), window=window, scope=RELEASE)} > 0)"


def _cut_off() -> str:
    name = exported(SECTIONS)
    part = rate(name, "section", "1h", 'status!="complete"', RELEASE)
    whole = rate(name, "section", "1h", scope=RELEASE)
    return f"{part} / ({whole} > 0) > {_MAX_CUT_OFF_RATIO}\nand {part} * 3600 >= {_MIN_CUT_OFF}"


def causes() -> Group:
    """Lay out the alerts: is it there, can it work, does it turn reports away, are its reports whole."""
    return Group("clara-causes", (*_REPLICAS, *_REPORTS))


_REPLICAS = (
    Alert(
        "ClaraAbsent",
        "page",
        f"absent({_HEALTHY}{{{RELEASE.selector}}})",
        "CLARA is not seen",
        "For 5 minutes no metric of Ray Serve has come: the platform is down, or nobody reads its metrics. The alerts "
        "on missing and failing replicas are silent meanwhile.",
        hold="5m",
    ),
    Alert(
        "ClaraDeploymentDown",
        "page",
        f"{total(_WANTED, 'deployment', scope=RELEASE)} > 0\nunless {total(_HEALTHY, 'deployment', scope=RELEASE)} > 0",
        f"No replica of {_DEPLOYMENT} is healthy",
        f"For 15 minutes {_DEPLOYMENT} should have had {{{{ $value }}}} replicas and had none: no report is made. A "
        "deployment that scaled to zero wants none and is left alone.",
        hold="15m",
    ),
    Alert(
        "ClaraReplicasMissing",
        "ticket",
        f"{total(_WANTED, 'deployment', scope=RELEASE)} - {total(_HEALTHY, 'deployment', scope=RELEASE)} > 0",
        f"{_DEPLOYMENT} has fewer replicas than it wants",
        f"For 30 minutes {{{{ $value }}}} replicas of {_DEPLOYMENT} have been missing.",
        hold="30m",
    ),
    Alert(
        "ClaraReplicasFailing",
        "ticket",
        f"{_failed_checks()} > {_MAX_FAILED_CHECKS}",
        f"Replicas of {_DEPLOYMENT} keep failing their health checks",
        f"{{{{ $value }}}} health checks of {_DEPLOYMENT} failed within an hour. Serve replaces such replicas, and the "
        "reports they were working on fail or start anew.",
    ),
    Alert(
        "ClaraKvCacheFull",
        "ticket",
        f"{highest(_CACHE_IN_USE, 'ReplicaId', scope=RELEASE)} > {_MAX_CACHE_RATIO}",
        "An engine's key-value cache is full",
        f"For 15 minutes {_SHARE} of the cache of engine replica {{{{ $labels.ReplicaId }}}} has been in use. When "
        "nothing is left, vLLM preempts turns and computes them again.",
        hold="15m",
    ),
)
_REPORTS = (
    Alert(
        "ClaraReportsTurnedAway",
        "ticket",
        f"{_of_reports('unavailable', '10m')} > {_MAX_UNAVAILABLE_RATIO}",
        "Reports are turned away",
        f"{_SHARE} of the requests of the last 10 minutes were answered with `unavailable`, for 15 minutes now: queues "
        "are full, deadlines pass, or engines die.",
        hold="15m",
    ),
    Alert(
        "ClaraSectionsCutOff",
        "ticket",
        _cut_off(),
        "Sections are not the model's whole answer: {{ $labels.section }}",
        f"{_SHARE} of the {{{{ $labels.section }}}} sections of the last hour were truncated, empty or looping. "
        "Doctors see it said so, but such drafts help nobody.",
    ),
)
