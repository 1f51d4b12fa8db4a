"""The dashboard's panels as data: titles, units, queries and explanations. `grafana.py` renders them."""

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
    """One line on a panel. `legend` may use labels, as {{label}}."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph. `unit` is a Grafana unit: s, ms, percentunit, reqps or short."""

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
    query = Query(kept_share(objective, "1h"), "met, last hour")
    return Panel(objective.name, "percentunit", (query,), objective.claim, threshold=objective.target_ratio)


def _by_label(title: str, metric: Metric, label: str) -> Panel:
    return Panel(title, "reqps", (Query(rate(exported(metric), label), f"{{{{{label}}}}}"),), metric.description)


def rows() -> tuple[Row, ...]:
    """Lay out the dashboard: objectives, reports, the engine, the replicas."""
    return (
        Row("Objectives", tuple(_objective(objective) for objective in read_objectives())),
        Row("Reports", _REPORTS),
        Row("Engine", _ENGINE),
        Row("Replicas", _REPLICAS),
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
        "Turns in the engine",
        "short",
        (
            Query(total("ray_vllm_num_requests_running"), "running"),
            Query(total("ray_vllm_num_requests_waiting"), "waiting"),
        ),
        "Turns that vLLM is generating (running), and turns in its queue (waiting). A report has two turns.",
    ),
    Panel(
        "Key-value cache in use",
        "percentunit",
        (Query(highest("ray_vllm_kv_cache_usage_perc", by="ReplicaId"), "{{ReplicaId}}"),),
        "Share of each engine replica's key-value cache that is in use. At 100 % vLLM preempts running turns.",
    ),
    Panel(
        "Prefix cache hits",
        "percentunit",
        (Query(share("ray_vllm_prefix_cache_hits_total", "ray_vllm_prefix_cache_queries_total"), "of prompt tokens"),),
        "Share of prompt tokens that vLLM found in its prefix cache. Turn 2 repeats turn 1, so expect about half. Much "
        "less means that the two turns of a report run on different replicas.",
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
        "Share of each turn's prompt that came from the engine's cache. Expect most of the impression's prompt: its "
        "image, question and findings were just computed.",
    ),
    _by_label("Placements by outcome", PLACEMENTS, "outcome"),
    Panel(
        "Image cache hits",
        "percentunit",
        (Query(share("ray_vllm_mm_cache_hits_total", "ray_vllm_mm_cache_queries_total"), "of images"),),
        "Share of images that vLLM found in its multimodal cache. Turn 2 should find the image of turn 1.",
    ),
    Panel(
        "Tokens generated",
        "short",
        (Query(rate("ray_vllm_generation_tokens_total"), "tokens/s"),),
        "Tokens that all engine replicas together generate per second.",
    ),
    Panel(
        "Preemptions",
        "short",
        (Query(rate("ray_vllm_num_preemptions_total"), "per second"),),
        "Turns that vLLM stopped to free cache blocks and computes again later. Above zero, the key-value cache is "
        "too small for max_num_seqs.",
    ),
)
_REPLICAS = (
    Panel(
        "Healthy replicas",
        "short",
        (Query(total("ray_serve_deployment_replica_healthy", "deployment"), "{{deployment}}"),),
        "Replicas of each deployment that pass their health checks.",
    ),
    Panel(
        "Queued requests",
        "short",
        (Query(total("ray_serve_deployment_queued_queries", "deployment"), "{{deployment}}"),),
        "Requests that wait at the callers of a deployment. At max_queued_requests, new ones are rejected.",
    ),
    Panel(
        "Processing time, 95th percentile",
        "ms",
        (Query(quantile("ray_serve_deployment_processing_latency_ms", 0.95, "deployment"), "{{deployment}}"),),
        "95 of 100 requests to a deployment are processed within this time.",
    ),
)
