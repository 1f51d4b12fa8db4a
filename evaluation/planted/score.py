"""Checks drafts with and without a planted error, and counts what was found."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from evaluation.planted.errors import KINDS, Draft, Film
from evaluation.planted.wordings import Wordings
from serve_app.domain.facts import Fact
from serve_app.domain.report import Concern, ConcernCode, SectionName
from serve_app.reasoning.check import DraftCheck
from serve_app.reasoning.parse import parse_section
from training.phantoms import sample

Check = Callable[[Draft], tuple[Concern, ...]]
# Right drafts are of other films than those with an error.
_RIGHT_OFFSET = 50_000_000
_NUM_MISSES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """One draft: the kind of error in it, null for none; the codes of what was found; seconds of one core."""

    kind: str | None
    draft: Draft
    codes: frozenset[ConcernCode]
    cpu_s: float

    @property
    def is_fitting(self) -> bool:
        """Whether a concern names the planted error rightly."""
        return self.kind is not None and bool(KINDS[self.kind].fitting & self.codes)


def check(draft: Draft) -> tuple[Concern, ...]:
    """Check a draft as serving does."""
    draft_check = DraftCheck(has_prior=False)
    return (
        *draft_check.section(SectionName.FINDINGS, parse_section(draft.findings, draft.findings_ended)),
        *draft_check.section(SectionName.IMPRESSION, parse_section(draft.impression, draft.impression_ended)),
    )


def planted(num: int, seed: int, wordings: Wordings) -> Iterator[Checked]:
    """Check `num` drafts with an error each; the kinds take turns, on films that offer a place for them."""
    kinds, films = list(KINDS), _films(seed)
    for number in range(num):
        kind = kinds[number % len(kinds)]
        draft = None
        while draft is None:
            film_seed, facts = next(films)
            draft = KINDS[kind].plant(Film(facts, film_seed, np.random.default_rng([film_seed, number]), wordings))
        yield _timed(kind, draft)


def right(num: int, seed: int) -> Iterator[Checked]:
    """Check `num` drafts without an error."""
    films = _films(seed + _RIGHT_OFFSET)
    for _ in range(num):
        film_seed, facts = next(films)
        yield _timed(None, Film(facts, film_seed, np.random.default_rng(film_seed)).right)


def summarise(with_error: Sequence[Checked], without: Sequence[Checked]) -> dict[str, Any]:
    """Make the table: found by kind, false alarms, and what a check costs."""
    milliseconds = np.array([one.cpu_s for one in (*with_error, *without)]) * 1e3
    return {
        "planted": _found(with_error),
        "by_kind": {kind: _found([one for one in with_error if one.kind == kind]) for kind in KINDS},
        "right": {"num": len(without), "alarmed": _share([bool(one.codes) for one in without])},
        "cpu_ms": {
            name: round(float(np.percentile(milliseconds, at)), 2) for name, at in (("median", 50), ("p95", 95))
        },
        "misses": [
            {"kind": one.kind, "findings": one.draft.findings, "impression": one.draft.impression}
            | {"codes": sorted(code.value for code in one.codes)}
            for one in [one for one in with_error if not one.is_fitting] + [one for one in without if one.codes]
        ][:_NUM_MISSES_SHOWN],
    }


def _films(seed: int) -> Iterator[tuple[int, frozenset[Fact]]]:
    while True:
        yield seed, frozenset(sample(np.random.default_rng(seed)).facts)
        seed += 1


def _timed(kind: str | None, draft: Draft) -> Checked:
    started = time.process_time()
    concerns = check(draft)
    return Checked(kind, draft, frozenset(concern.code for concern in concerns), time.process_time() - started)


def _found(checked: Sequence[Checked]) -> dict[str, Any]:
    return {
        "num": len(checked),
        "flagged": _share([bool(one.codes) for one in checked]),
        "flagged_by_a_fitting_code": _share([one.is_fitting for one in checked]),
    }


def _share(marks: Sequence[bool]) -> dict[str, float]:
    """Give a share with its exact 95 % interval (Clopper and Pearson), which is not empty where nothing was found."""
    test = binomtest(sum(marks), len(marks))
    bounds = test.proportion_ci(0.95, method="exact")
    shares = {"value": test.statistic, "low": bounds.low, "high": bounds.high}
    return {name: round(float(share), 4) for name, share in shares.items()}
