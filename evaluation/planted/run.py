"""Counts how many planted errors the check of drafts finds: `python -m evaluation.planted.run`.

Both the reports and the errors are generated, so this shows that the check works as intended, not how often real drafts
are wrong.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.gold.score import read_gold
from evaluation.metrics.intervals import interval, ratio_of
from evaluation.planted.errors import KINDS, Draft, right_draft
from evaluation.provenance import commit
from serve_app.domain.conversation import FinishReason
from serve_app.domain.facts import Fact
from serve_app.domain.report import Concern, ConcernCode, SectionName
from serve_app.reasoning.check import DraftCheck
from serve_app.reasoning.parse import parse_section
from training.phantoms import sample

FOLDER = Path(__file__).parent
RESULT = FOLDER / "results" / "planted.json"
GOLD = FOLDER.parent / "gold" / "reports.jsonl"
# Higher than all random seeds of the demo model's training and test films, and different from the one for tuning.
TUNING_SEED, PUBLISHED_SEED = 500_000_000, 700_000_000


@dataclass(frozen=True, slots=True)
class Checked:
    """One checked draft: its kind of error (None: no error), the codes of its concerns, and seconds on one core."""

    kind: str | None
    codes: frozenset[ConcernCode]
    cpu_s: float

    @property
    def is_fitting(self) -> bool:
        """Whether a concern identifies the planted error."""
        return self.kind is not None and bool(KINDS[self.kind].fitting & self.codes)


def check(draft: Draft) -> tuple[Concern, ...]:
    """Check a draft as serving does."""
    check = DraftCheck(has_prior=False)
    findings = parse_section(draft.findings, draft.ended)
    impression = parse_section(draft.impression, FinishReason.STOP)
    return (
        *check.section(SectionName.FINDINGS, findings),
        *check.section(SectionName.IMPRESSION, impression),
    )


def planted(num: int, seed: int) -> Iterator[Checked]:
    """Check `num` drafts with one error each. The kinds take turns, on films that allow them."""
    kinds, films = list(KINDS), _films(seed)
    for number in range(num):
        kind = kinds[number % len(kinds)]
        draft = None
        while draft is None:
            film_seed, facts = next(films)
            draft = KINDS[kind].plant(facts, film_seed, np.random.default_rng([film_seed, number]))
        yield _timed(kind, draft)


def right(num: int, seed: int) -> Iterator[Checked]:
    """Check `num` drafts without an error."""
    films = _films(seed)
    for _ in range(num):
        film_seed, facts = next(films)
        yield _timed(None, right_draft(facts, film_seed))


def summarise(with_error: Sequence[Checked], without: Sequence[Checked]) -> dict[str, Any]:
    """Compute the result: errors found by kind, false alarms, and the time per check."""
    milliseconds = np.array([one.cpu_s for one in (*with_error, *without)]) * 1e3
    return {
        "planted": _found(with_error),
        "by_kind": {kind: _found([one for one in with_error if one.kind == kind]) for kind in KINDS},
        "right": {"num": len(without), "alarmed": _share(bool(one.codes) for one in without)},
        "cpu_ms": {"median": round(float(np.median(milliseconds)), 2), "p95": _p95(milliseconds)},
    }


def gold_alarms() -> dict[str, Any]:
    """Count alarms on complete human-written reports, each checked as findings only."""
    texts = [one.text for one in read_gold(GOLD)]
    codes = [
        {concern.code for concern in DraftCheck(has_prior=False).section(SectionName.FINDINGS, parsed)}
        for parsed in (parse_section(text, FinishReason.STOP) for text in texts)
    ]
    return {
        "num": len(texts),
        "num_alarmed": sum(map(bool, codes)),
        "codes": sorted({code.value for found in codes for code in found}),
    }


def _films(seed: int) -> Iterator[tuple[int, frozenset[Fact]]]:
    while True:
        yield seed, frozenset(sample(np.random.default_rng(seed)).facts)
        seed += 1


def _timed(kind: str | None, draft: Draft) -> Checked:
    started = time.process_time()
    concerns = check(draft)
    return Checked(kind, frozenset(concern.code for concern in concerns), time.process_time() - started)


def _found(checked: Sequence[Checked]) -> dict[str, Any]:
    return {
        "num": len(checked),
        "flagged": _share(bool(one.codes) for one in checked),
        "flagged_by_a_fitting_code": _share(one.is_fitting for one in checked),
    }


def _share(marks: Iterable[bool]) -> dict[str, float]:
    counts = np.array([[mark, 1] for mark in marks], dtype=float)
    found = interval([str(number) for number in range(len(counts))], counts, ratio_of)
    return {name: round(value, 4) for name, value in asdict(found).items()}


def _p95(milliseconds: NDArray[np.float64]) -> float:
    return round(float(np.percentile(milliseconds, 95)), 2)


def main() -> None:
    """Plant errors into drawn reports, check these and the correct ones, and write the result."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.planted.run", description=main.__doc__)
    parser.add_argument("--num", type=int, default=1000, help="drafts with an error, and as many without")
    parser.add_argument("--seed", type=int, default=PUBLISHED_SEED, help=f"{TUNING_SEED} is for tuning")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    result = {
        "what": "reports of our own grammar, one error planted in each by our own hand",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": {"cpu": _cpu(), "num_cpus": os.cpu_count(), "python": platform.python_version()},
        "seed": given.seed,
        **summarise(list(planted(given.num, given.seed)), list(right(given.num, given.seed + 50_000_000))),
        "gold_reports": gold_alarms(),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({name: result[name] for name in ("planted", "right", "cpu_ms", "gold_reports")}, indent=2))


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
