"""The gold set's whole reports: nobody planted an error in them."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from evaluation.gold.score import read_gold
from evaluation.planted.errors import Draft
from evaluation.planted.score import check
from serve_app.domain.conversation import FinishReason
from serve_app.domain.report import Concern, SectionName
from serve_app.reasoning.check import DraftCheck
from serve_app.reasoning.parse import parse_section

FOLDER = Path(__file__).parents[1] / "gold"
_CONCLUSION = re.compile(r"\s*(?:kết luận|kl) ?:\s*", re.IGNORECASE)


def report_alarms(folder: Path = FOLDER) -> dict[str, Any]:
    """Count alarms on every whole report, its text checked as findings alone."""
    return _counted(
        (one.id, DraftCheck(has_prior=False).section(SectionName.FINDINGS, parse_section(one.text, FinishReason.STOP)))
        for one in read_gold(folder / "reports.jsonl")
    )


def draft_alarms(folder: Path = FOLDER) -> dict[str, Any]:
    """Count alarms on the reports that have a conclusion, checked as both sections of a draft."""
    return _counted((name, check(draft)) for name, draft in gold_drafts(folder))


def gold_drafts(folder: Path = FOLDER) -> Iterator[tuple[str, Draft]]:
    """Part each whole report that has a conclusion into findings and impression."""
    for one in read_gold(folder / "reports.jsonl"):
        match _CONCLUSION.split(one.text):
            case [findings, impression] if findings:
                yield one.id, Draft(findings, impression)


def _counted(checked: Iterable[tuple[str, tuple[Concern, ...]]]) -> dict[str, Any]:
    codes = {name: sorted({concern.code.value for concern in concerns}) for name, concerns in checked}
    return {
        "num": len(codes),
        "num_alarmed": sum(map(bool, codes.values())),
        "codes": {name: found for name, found in codes.items() if found},
    }
