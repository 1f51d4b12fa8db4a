"""Computes every figure of a set of drafts: columns that add up over reports, and a statistic of their sums.

`METRICS` lists the figures for results, gates and comparisons.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.facts import Counts, Pair, Strictness, contradictions, count, present
from evaluation.metrics.intervals import Statistic, f1_of, intervals, ratio_of
from evaluation.metrics.lexical import NUM_COLUMNS, Level, bleu_of, lexical_counts, rouge_l_of
from serve_app.domain.facts import Fact, Finding
from serve_app.facts import extract

Table = NDArray[np.float64]
read = cache(extract)
"""The facts of a text, cached, because every figure and both baselines use the same texts."""


@dataclass(frozen=True, slots=True)
class ScoredText:
    """The reference and the candidate of one study. `truth` are the true facts of a drawn film."""

    patient_id: str
    reference: str
    candidate: str
    truth: frozenset[Fact] | None = None

    @property
    def facts(self) -> Pair:
        return read(self.reference), read(self.candidate)


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure: its columns, the statistic of their sums, and the better direction."""

    columns: tuple[str, ...]
    statistic: Statistic
    is_higher_better: bool = True

    def of(self, sums: Table) -> Table:
        """Compute the figure of each row of sums over all `COLUMNS`."""
        return self.statistic(sums[:, [_INDEX[name] for name in self.columns]])


class FindingScore(TypedDict):
    """One finding's figures: `f1` is an `Interval`'s fields, the numbers are those of `Counts`."""

    f1: dict[str, float]
    precision: float
    recall: float
    num_matched: int
    num_told: int
    num_true: int


def _triple(name: str) -> tuple[str, str, str]:
    return f"{name}:matched", f"{name}:told", f"{name}:true"


_SETS = (*(f"present_{strictness}" for strictness in Strictness), f"all_{Strictness.SIDE}", "truth_side")
_LEXICAL = tuple(f"lexical:{index}" for index in range(NUM_COLUMNS))
COLUMNS = (
    *(column for name in _SETS for column in _triple(name)),
    "polarity_flips",
    "side_flips",
    "facts",
    "contradicted",
    "reports",
    *_LEXICAL,
)
_INDEX = {name: index for index, name in enumerate(COLUMNS)}


def _precision(sums: Table) -> Table:
    """Match `Counts.precision`: 1 if neither report states anything."""
    matched, told, true = sums.T
    return np.where(told > 0, matched / np.maximum(told, 1), true == 0)


def _recall(sums: Table) -> Table:
    return _precision(sums[:, [0, 2, 1]])


def _both_flips(sums: Table) -> Table:
    return ratio_of(np.stack([sums[:, 0] + sums[:, 1], sums[:, 2]], axis=1))


METRICS: dict[str, Metric] = {
    "fact_f1_side": Metric(_triple("present_side"), f1_of),
    "fact_precision_side": Metric(_triple("present_side"), _precision),
    "fact_recall_side": Metric(_triple("present_side"), _recall),
    "fact_f1_finding": Metric(_triple("present_finding"), f1_of),
    "fact_f1_complete": Metric(_triple("present_complete"), f1_of),
    "all_fact_f1_side": Metric(_triple("all_side"), f1_of),
    "contradiction_ratio": Metric(("polarity_flips", "side_flips", "facts"), _both_flips, is_higher_better=False),
    "polarity_flip_ratio": Metric(("polarity_flips", "facts"), ratio_of, is_higher_better=False),
    "side_flip_ratio": Metric(("side_flips", "facts"), ratio_of, is_higher_better=False),
    "contradicted_report_ratio": Metric(("contradicted", "reports"), ratio_of, is_higher_better=False),
    "bleu": Metric(_LEXICAL, bleu_of),
    "rouge_l": Metric(_LEXICAL, rouge_l_of),
    "truth_f1_side": Metric(_triple("truth_side"), f1_of),
}
"""Figures by name. They count present facts, unless the name has `all`. `truth` compares with a drawn film's facts."""


def known_metrics(texts: Sequence[ScoredText]) -> dict[str, Metric]:
    """Return the figures that can be computed: without those that need the truth if a study has none."""
    has_truth = all(text.truth is not None for text in texts)
    return {name: metric for name, metric in METRICS.items() if has_truth or not name.startswith("truth")}


def tabulate(texts: Sequence[ScoredText], level: Level = Level.SYLLABLE) -> Table:
    """Count every report: (report, column), with the columns of `COLUMNS`."""
    lexical = lexical_counts([text.reference for text in texts], [text.candidate for text in texts], level)
    facts = np.array([_fact_columns(text) for text in texts]).reshape(len(texts), len(COLUMNS) - NUM_COLUMNS)
    return np.concatenate([facts, lexical], axis=1)


def summarise(texts: Sequence[ScoredText], table: Table) -> dict[str, dict[str, float]]:
    """Compute every figure with its interval over patients.

    Raises:
        ValueError: no texts.
    """
    figures = {name: metric.of for name, metric in known_metrics(texts).items()}
    found = intervals([text.patient_id for text in texts], table, figures)
    return {name: asdict(one) for name, one in found.items()}


def summarise_findings(texts: Sequence[ScoredText]) -> dict[str, FindingScore]:
    """Compute F1 with side of each finding that any report states as present, with interval and counts."""
    pairs = [(present(reference), present(candidate)) for reference, candidate in (text.facts for text in texts)]
    named = {fact.finding for pair in pairs for facts in pair for fact in facts}
    findings = [finding for finding in Finding if finding in named]
    if not findings:
        return {}
    counts = [[_of_finding(pair, finding) for finding in findings] for pair in pairs]
    table = np.array([[_numbers(cell) for cell in row] for row in counts], dtype=float).reshape(len(texts), -1)
    bounds = intervals([text.patient_id for text in texts], table, {one: _f1_at(at) for at, one in enumerate(findings)})
    pooled = [sum(column, Counts()) for column in zip(*counts, strict=True)]
    return {
        finding.value: {
            "f1": asdict(bounds[finding]),
            "precision": all_.precision,
            "recall": all_.recall,
            "num_matched": all_.num_matched,
            "num_told": all_.num_told,
            "num_true": all_.num_true,
        }
        for finding, all_ in zip(findings, pooled, strict=True)
    }


def report_f1(text: ScoredText) -> float:
    """Score one report by its present facts with sides. Two reports without present facts agree."""
    reference, candidate = text.facts
    return count(present(reference), present(candidate), Strictness.SIDE).f1


def _f1_at(position: int) -> Statistic:
    return lambda sums: f1_of(sums[:, 3 * position : 3 * position + 3])


def _of_finding(pair: Pair, finding: Finding) -> Counts:
    reference, candidate = ([fact for fact in facts if fact.finding is finding] for facts in pair)
    return count(reference, candidate, Strictness.SIDE)


def _fact_columns(text: ScoredText) -> list[float]:
    reference, candidate = text.facts
    seen, told = present(reference), present(candidate)
    sets = [count(seen, told, strictness) for strictness in Strictness]
    sets.append(count(reference, candidate, Strictness.SIDE))
    sets.append(count(present(text.truth or ()), told, Strictness.SIDE))
    against = contradictions(reference, candidate)
    return [
        *(number for counts in sets for number in _numbers(counts)),
        against.num_polarity,
        against.num_side,
        len(reference),
        float(against.num_all > 0),
        1,
    ]


def _numbers(counts: Counts) -> tuple[int, int, int]:
    return counts.num_matched, counts.num_told, counts.num_true
