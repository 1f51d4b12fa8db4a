"""The name, kind, labels and buckets of every metric CLARA emits; nobody else spells one.

Plain data: how they reach a scrape is the recorder's business (`cluster.recorder`).
"""

from serve_app.domain.metric import Metric

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)


REPORTS = Metric("clara_reports_total", "counter", "Report requests by how they ended.", ("outcome",))
STAGE_SECONDS = Metric(
    "clara_stage_duration_seconds", "histogram", "Time spent in one stage of a report.", ("stage",), _SECONDS
)
FIRST_TOKEN_SECONDS = Metric(
    "clara_time_to_first_token_seconds",
    "histogram",
    "From the film's receipt, upload over, to the first token of the findings, or to a client's leaving without one.",
    (),
    _SECONDS,
)
REPORT_SECONDS = Metric(
    "clara_report_duration_seconds",
    "histogram",
    "From the film's receipt, upload over, to the finished report.",
    (),
    _SECONDS,
)
GATE = Metric("clara_gate_verdicts_total", "counter", "Images by what the chest X-ray gate decided.", ("outcome",))
PLACEMENTS = Metric(
    "clara_engine_placements_total",
    "counter",
    "Conversations about an image by how their replica was found: warm, the image's home, or moved away from it.",
    ("outcome",),
)
PROMPT_TOKENS = Metric(
    "clara_prompt_tokens_total",
    "counter",
    "Prompt tokens by turn, and by whether they were computed or found in the engine's cache.",
    ("section", "source"),
)
SECTIONS = Metric(
    "clara_sections_total",
    "counter",
    "Sections of reports by whether they are the model's whole answer.",
    ("section", "status"),
)
CONCERNS = Metric(
    "clara_draft_concerns_total", "counter", "Concerns that the check of drafts raised, by code.", ("code",)
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
