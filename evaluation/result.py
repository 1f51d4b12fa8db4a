"""A run's result: figures with intervals, counts, baselines and provenance.

Computed only from the predictions, so that a better fact extractor can rescore an old run.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.baselines import always_normal, of_another_patient
from evaluation.columns import ScoredText
from evaluation.metrics.drafts import concerns
from evaluation.metrics.labels import chexpert_labels, vindr_labels
from evaluation.metrics.lexical import Level, bleu_signature
from evaluation.predictions import Prediction, Text
from evaluation.provenance import commit, machine
from evaluation.scores import METRICS, NameScore, report_f1, summarise, summarise_findings, summarise_labels, tabulate
from serve_app.domain.facts import Fact
from serve_app.domain.report import SectionStatus
from training.data import BadRow

RESULT = "result.json"
OF_DRAWN_FILMS = (
    "Drawn films, with references in this project's own grammar, read by this project's own rules: no measure of how "
    "good drafts of real films are."
)


class NothingToScore(Exception):
    """No study has a draft; the message counts the reasons."""


def scored_texts(predictions: Iterable[Prediction]) -> list[ScoredText]:
    """Pair reference and draft of every study with a draft. Failed studies are counted elsewhere, never as empty."""
    return [
        ScoredText(one.patient_id, one.reference, one.draft, one.truth) for one in predictions if one.draft is not None
    ]


def score_run(
    header: Mapping[str, Any],
    predictions: Sequence[Prediction],
    bad_rows: Sequence[BadRow],
    level: Level = Level.SYLLABLE,
) -> dict[str, Any]:
    """Return the content of result.json.

    Raises:
        NothingToScore: no study has a draft.
    """
    texts = scored_texts(predictions)
    if not texts:
        raise NothingToScore(f"no study has a draft: {dict(failures(predictions)) or 'no study was read'}")
    return {
        "what": OF_DRAWN_FILMS if all(text.truth is not None for text in texts) else None,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": machine(),
        **header,
        "counts": _counts(predictions, bad_rows),
        "level": level.value,
        "bleu_signature": bleu_signature(level),
        "scores": summarise(texts, tabulate(texts, level)),
        "fact_macro_f1_side": float(np.mean([report_f1(text) for text in texts])),
        "by_finding": summarise_findings(texts),
        "labels": {"vindr": _labels(texts, vindr_labels), "chexpert": _labels(texts, chexpert_labels)},
        "concerns": {
            "drafts": _concerns([text.candidate for text in texts]),
            "references": _concerns([text.reference for text in texts]),
        },
        "sections": _sections(predictions, level),
        "baselines": _baselines(texts, level),
        "is_higher_better": {name: metric.is_higher_better for name, metric in METRICS.items()},
    }


def write_result(path: Path, result: Mapping[str, Any]) -> Path:
    """Write a result file atomically."""
    half = path.with_suffix(".part")
    half.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return half.replace(path)


def failures(predictions: Iterable[Prediction]) -> Counter[str]:
    """Count the studies without a draft by their error's code."""
    return Counter(one.error_code or "unknown" for one in predictions if one.draft is None)


def _counts(predictions: Sequence[Prediction], bad_rows: Sequence[BadRow]) -> dict[str, Any]:
    drafts = [one.draft for one in predictions if one.draft is not None]
    statuses = Counter(status for one in drafts for status in (one.findings_status, one.impression_status) if status)
    return {
        "num_studies": len(predictions),
        "num_patients": len({one.patient_id for one in predictions}),
        "num_drafts": len(drafts),
        "failed": dict(failures(predictions)),
        "failed_ratio": 1 - len(drafts) / len(predictions),
        "incomplete_sections": {name: num for name, num in statuses.items() if name != SectionStatus.COMPLETE},
        "num_bad_rows": len(bad_rows),
        "bad_rows": dict(Counter(row.reason for row in bad_rows)),
    }


def _labels(
    texts: Sequence[ScoredText], labels_of: Callable[[frozenset[Fact]], frozenset[str]]
) -> dict[str, float | dict[str, NameScore]]:
    by_label = summarise_labels(texts, labels_of)
    return {"macro_f1": float(np.mean([one["f1"]["value"] for one in by_label.values()])), "by_label": by_label}


def _concerns(reports: Sequence[Text]) -> dict[str, Any]:
    """Count the reports with each concern of the check of drafts."""
    found = [{concern.code for concern in concerns(report)} for report in reports]
    return {
        "num_reports": len(reports),
        "num_with_any": sum(map(bool, found)),
        "by_code": dict(Counter(code.value for codes in found for code in codes)),
    }


def _sections(predictions: Sequence[Prediction], level: Level) -> dict[str, dict[str, dict[str, float]]]:
    """Score findings and impression separately: a right impression from wrong findings is not reasoning."""
    drafted = [(one.patient_id, one.reference, one.draft) for one in predictions if one.draft is not None]
    sections = {
        "findings": [ScoredText(who, Text(true.findings, ""), Text(told.findings, "")) for who, true, told in drafted],
        "impression": [
            ScoredText(who, Text("", true.impression), Text("", told.impression)) for who, true, told in drafted
        ],
    }
    return {name: summarise(texts, tabulate(texts, level), is_section=True) for name, texts in sections.items()}


def _baselines(texts: Sequence[ScoredText], level: Level) -> dict[str, dict[str, dict[str, float]] | None]:
    candidates = {"always_normal": always_normal(texts), "another_patient": of_another_patient(texts)}
    return {
        name: None if replaced is None else summarise(replaced, tabulate(replaced, level))
        for name, replaced in candidates.items()
    }
