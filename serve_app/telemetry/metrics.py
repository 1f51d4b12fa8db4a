"""Every metric that CLARA emits: name, kind, labels, buckets. Metric names are defined only here.

Plain data: `cluster.recorder` exports them.
"""

from serve_app.domain.metric import Metric

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)


VALID_OUTCOMES = ("ok", "error", "unavailable")
"""Outcomes of requests whose reports could have been made; objectives count these only."""
OUTCOMES = (*VALID_OUTCOMES, "refused", "bad_request", "denied", "client_gone", "cancelled")
"""`client_gone` is a disconnect that was seen; `cancelled`, that Serve cancelled the request: its client left first, or
its replica was stopped."""
REPORTS = Metric("clara_reports_total", "counter", f"Report requests, by outcome: {', '.join(OUTCOMES)}.", ("outcome",))
STAGE_SECONDS = Metric(
    "clara_stage_duration_seconds", "histogram", "Duration of each stage of a report.", ("stage",), _SECONDS
)
FIRST_TOKEN_SECONDS = Metric(
    "clara_time_to_first_token_seconds",
    "histogram",
    "Time from the end of the upload to the first token of the findings, or to the client's disconnect before it.",
    (),
    _SECONDS,
)
REPORT_SECONDS = Metric(
    "clara_report_duration_seconds",
    "histogram",
    "Time from the end of the upload to the finished report.",
    (),
    _SECONDS,
)
GATE = Metric("clara_gate_verdicts_total", "counter", "Images, by the verdict of the chest X-ray gate.", ("outcome",))
PLACEMENTS = Metric(
    "clara_engine_placements_total",
    "counter",
    "Conversations about an image, by placement: warm (the replica that had it last), home, or moved away from home.",
    ("outcome",),
)
PROMPT_TOKENS = Metric(
    "clara_prompt_tokens_total",
    "counter",
    "Prompt tokens, by turn and by source: computed, or found in the engine's cache.",
    ("section", "source"),
)
SECTIONS = Metric(
    "clara_sections_total",
    "counter",
    "Report sections, by status: complete, truncated, empty or looping.",
    ("section", "status"),
)
CONCERNS = Metric(
    "clara_draft_concerns_total", "counter", "Concerns raised by the check of drafts, by code.", ("code",)
)

METRICS = (
    REPORTS,
    STAGE_SECONDS,
    FIRST_TOKEN_SECONDS,
    REPORT_SECONDS,
    GATE,
    PLACEMENTS,
    PROMPT_TOKENS,
    SECTIONS,
    CONCERNS,
)
