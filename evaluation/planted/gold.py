"""The gold set's whole reports that have both sections, checked as drafts: nobody planted an error in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evaluation.gold.score import read_gold
from evaluation.planted.errors import Draft
from evaluation.planted.score import check

FOLDER = Path(__file__).parents[1] / "gold"
_CONCLUSION = re.compile(r"\s*(?:kết luận|kl) ?:\s*", re.IGNORECASE)


def gold_alarms(folder: Path = FOLDER) -> dict[str, Any]:
    """Count the reports that raise a concern, and name each concern's code."""
    codes = {name: sorted({concern.code.value for concern in check(draft)}) for name, draft in gold_drafts(folder)}
    return {
        "num": len(codes),
        "num_alarmed": sum(map(bool, codes.values())),
        "codes": {name: found for name, found in codes.items() if found},
    }


def gold_drafts(folder: Path = FOLDER) -> Iterator[tuple[str, Draft]]:
    """Part each report of the gold set that has a conclusion into findings and impression."""
    for file in sorted(folder.glob("*.jsonl")):
        for one in read_gold(file):
            match _CONCLUSION.split(one.text):
                case [findings, impression] if findings:
                    yield one.id, Draft(findings, impression)
