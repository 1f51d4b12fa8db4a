"""The panels of the dashboard, as data; knows what is asked, not how Grafana writes it."""

from dataclasses import dataclass

from monitoring.objectives import Objective, read_objectives
from monitoring.queries import exported, highest, kept_share, quantile, rate, share, total
from serve_app.domain.metric import Metric
from serve_app.telemetry.metrics import (
    CONCERNS,
    FIRST_TOKEN_SECONDS,
    GATE,
    PLACEMENTS,
    PROMPT_TOKENS,
    REPORT_SECONDS,
    REPORTS,
    SECTIONS,
    STAGE_SECONDS,
)


@dataclass(frozen=True, slots=True)
class Query:
    """One line of a panel; the legend may name labels as {{label}}."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph. `unit` is Grafana's: s, ms, percentunit, reqps, short."""

    title: str
    unit: str
    queries: tuple[Query, ...]
    explanation: str = ""
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that answer one question."""

    title: str
    panels: tuple[Panel, ...]


def _quantiles(title: str, metric: Metric, explanation: str) -> Panel:
    lines = tuple(Query(quantile(exported(metric), ratio), f"p{ratio * 100:g}") for ratio in (0.5, 0.95, 0.99))
    return Panel(title, "s", lines, explanation)


def _objective(objective: Objective) -> Panel:
    query = Query(kept_share(objective, "1h"), "kept over 1 h")
    return Panel(objective.name, "percentunit", (query,), objective.claim, threshold=objective.target_ratio)


def _by_label(title: str, metric: Metric, label: str) -> Panel:
    return Panel(title, "reqps", (Query(rate(exported(metric), label), f"{{{{{label}}}}}"),), metric.description)


def rows() -> tuple[Row, ...]:
    """Lay out the dashboard: promises, reports, the engine, the replicas."""
    return (
        Row("Are the promises kept?", tuple(_objective(objective) for objective in read_objectives())),
        Row("Reports", _REPORTS),
        Row("The engine", _ENGINE),
        Row("The replicas", _REPLICAS),
    )


_REPORTS = (
    _by_label("Reports by outcome", REPORTS, "outcome"),
    _quantiles("Time to first token", FIRST_TOKEN_SECONDS, FIRST_TOKEN_SECONDS.description),
    _quantiles("Time to report", REPORT_SECONDS, REPORT_SECONDS.description),
    Panel(
        "Stages, 95th percentile",
        "s",
        (Query(quantile(exported(STAGE_SECONDS), 0.95, "stage"), "{{stage}}"),),
        STAGE_SECONDS.description,
    ),
    _by_label("Gate verdicts", GATE, "outcome"),
    _by_label("Sections by status", SECTIONS, "status"),
    _by_label("Concerns about drafts", CONCERNS, "code"),
)
_ENGINE = (
    Panel(
        "Reports in the engine",
        "short",
        (
            Query(total("ray_vllm_num_requests_running"), "running"),
            Query(total("ray_vllm_num_requests_waiting"), "waiting"),
        ),
        "Turns that are generated now, and turns that wait for a place.",
    ),
    Panel(
        "Key-value cache in use",
        "percentunit",
        (Query(highest("ray_vllm_kv_cache_usage_perc", by="ReplicaId"), "{{ReplicaId}}"),),
        "At 100 % vLLM preempts running turns.",
    ),
    Panel(
        "Prefix cache hits",
        "percentunit",
        (Query(share("ray_vllm_prefix_cache_hits_total", "ray_vllm_prefix_cache_queries_total"), "of prompt tokens"),),
        "Turn 2 repeats turn 1, so about half is expected; far less means the turns miss each other's replica.",
    ),
    Panel(
        "Prompt tokens from the cache, by turn",
        "percentunit",
        (
            Query(
                share(exported(PROMPT_TOKENS), exported(PROMPT_TOKENS), by="section", where='source="cache"'),
                "{{section}}",
            ),
        ),
        "Of the impression's prompt most comes from the cache: image, question and findings were there a moment ago.",
    ),
    _by_label("Where images go", PLACEMENTS, "outcome"),
    Panel(
        "Image cache hits",
        "percentunit",
        (Query(share("ray_vllm_mm_cache_hits_total", "ray_vllm_mm_cache_queries_total"), "of images"),),
        "The second turn should find the image of the first.",
    ),
    Panel(
        "Tokens generated",
        "short",
        (Query(rate("ray_vllm_generation_tokens_total"), "tokens/s"),),
    ),
    Panel(
        "Preemptions",
        "short",
        (Query(rate("ray_vllm_num_preemptions_total"), "per second"),),
        "Above zero the cache is too small for max_num_seqs.",
    ),
)
_REPLICAS = (
    Panel(
        "Healthy replicas",
        "short",
        (Query(total("ray_serve_deployment_replica_healthy", "deployment"), "{{deployment}}"),),
    ),
    Panel(
        "Queued requests",
        "short",
        (Query(total("ray_serve_deployment_queued_queries", "deployment"), "{{deployment}}"),),
        "What waits at the callers of a deployment; at max_queued_requests new ones are turned away.",
    ),
    Panel(
        "Processing time, 95th percentile",
        "ms",
        (Query(quantile("ray_serve_deployment_processing_latency_ms", 0.95, "deployment"), "{{deployment}}"),),
    ),
)
