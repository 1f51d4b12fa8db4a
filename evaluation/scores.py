"""Computes every figure of a set of drafts: a statistic of columns that were summed over reports.

`METRICS` lists the figures for results, gates and comparisons.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from evaluation.columns import ScoredText, columns_of
from evaluation.metrics.facts import Counts, Pair, Strictness, count, overlap, present
from evaluation.metrics.intervals import Statistic, f1_of, intervals, ratio_of
from evaluation.metrics.lexical import NUM_COLUMNS, Level, bleu_of, lexical_counts, rouge_l_of
from evaluation.predictions import Text
from serve_app.domain.facts import Fact, Finding
from serve_app.domain.report import ConcernSeverity

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure: its columns, the statistic of their sums, and the better direction."""

    columns: tuple[str, ...]
    statistic: Statistic
    is_higher_better: bool = True

    def of(self, sums: Table) -> Table:
        """Compute the figure of each row of sums over all `COLUMNS`."""
        return self.statistic(sums[:, [_INDEX[name] for name in self.columns]])


class NameScore(TypedDict):
    """One finding's or label's figures: `f1` is an `Interval`'s fields, the numbers are those of `Counts`."""

    f1: dict[str, float]
    precision: float
    recall: float
    num_matched: int
    num_told: int
    num_true: int


def _triple(name: str) -> tuple[str, str, str]:
    return f"{name}:matched", f"{name}:told", f"{name}:true"


def _precision(sums: Table) -> Table:
    """Match `Counts.precision`: 1 if neither report states anything."""
    matched, told, true = sums.T
    return np.where(told > 0, matched / np.maximum(told, 1), true == 0)


def _recall(sums: Table) -> Table:
    return _precision(sums[:, [0, 2, 1]])


def _both_flips(sums: Table) -> Table:
    return ratio_of(np.stack([sums[:, 0] + sums[:, 1], sums[:, 2]], axis=1))


def _error(part: str, whole: str) -> Metric:
    return Metric((part, whole), ratio_of, is_higher_better=False)


_LEXICAL = tuple(f"lexical:{index}" for index in range(NUM_COLUMNS))
OF_PAIRS: dict[str, Metric] = {
    "fact_f1_side": Metric(_triple("present_side"), f1_of),
    "fact_precision_side": Metric(_triple("present_side"), _precision),
    "fact_recall_side": Metric(_triple("present_side"), _recall),
    "fact_f1_finding": Metric(_triple("present_finding"), f1_of),
    "fact_f1_complete": Metric(_triple("present_complete"), f1_of),
    "all_fact_f1_side": Metric(_triple("all_side"), f1_of),
    "diagnosis_f1": Metric(_triple("diagnosis"), f1_of),
    "uncertain_f1": Metric(_triple("uncertain"), f1_of),
    "degree_error_ratio": _error("degrees_wrong", "degrees"),
    "place_error_ratio": _error("places_wrong", "places"),
    "contradiction_ratio": Metric(("polarity_flips", "side_flips", "facts"), _both_flips, is_higher_better=False),
    "polarity_flip_ratio": _error("polarity_flips", "facts"),
    "side_flip_ratio": _error("side_flips", "facts"),
    "contradicted_report_ratio": _error("contradicted", "reports"),
    "critical_precision": Metric(_triple("critical_side"), _precision),
    "critical_recall": Metric(_triple("critical_side"), _recall),
    "significance_score": Metric(("significance", "reports"), ratio_of),
    "vindr_label_f1": Metric(_triple("vindr"), f1_of),
    "chexpert_label_f1": Metric(_triple("chexpert"), f1_of),
    "bleu": Metric(_LEXICAL, bleu_of),
    "rouge_l": Metric(_LEXICAL, rouge_l_of),
}
"""Figures of any two texts, also of one section of a report beside the same one of another."""

OF_DRAFTS: dict[str, Metric] = {
    **{f"{severity}_concern_ratio": _error(f"{severity}_concern", "reports") for severity in ConcernSeverity},
    "incomplete_section_ratio": _error("incomplete_sections", "sections"),
    "unread_sentence_ratio": _error("unread_sentences", "sentences"),
    "reference_unread_sentence_ratio": _error("reference_unread_sentences", "reference_sentences"),
}
"""Figures that no second report is needed for."""

METRICS: dict[str, Metric] = {
    **OF_PAIRS,
    "findings_f1_side": Metric(_triple("findings_side"), f1_of),
    "impression_f1_side": Metric(_triple("impression_side"), f1_of),
    "false_reassurance_ratio": _error("reassured", "sick"),
    **OF_DRAFTS,
    "truth_f1_side": Metric(_triple("truth_side"), f1_of),
}
"""Figures by name. They count present facts, unless the name has `all`. `truth` compares with a drawn film's facts."""

COLUMNS = (*columns_of(ScoredText("", Text("", ""), Text("", ""))), *_LEXICAL)
_INDEX = {name: index for index, name in enumerate(COLUMNS)}


def known_metrics(texts: Sequence[ScoredText]) -> dict[str, Metric]:
    """Return the figures that can be computed: without those that need the truth if a study has none."""
    has_truth = all(text.truth is not None for text in texts)
    return {name: metric for name, metric in METRICS.items() if has_truth or not name.startswith("truth")}


def tabulate(texts: Sequence[ScoredText], level: Level = Level.SYLLABLE) -> Table:
    """Count every report: (report, column), with the columns of `COLUMNS`."""
    return np.array([_row(text, level) for text in texts]).reshape(len(texts), len(COLUMNS))


@cache
def _row(text: ScoredText, level: Level) -> Table:
    """Count one report once: a comparison needs most of them twice, and ROUGE-L is slow."""
    lexical = lexical_counts([text.reference.whole], [text.candidate.whole], level)[0]
    return np.array([*columns_of(text).values(), *lexical])


def summarise(texts: Sequence[ScoredText], table: Table, *, is_section: bool = False) -> dict[str, dict[str, float]]:
    """Compute every figure with its interval over patients; of sections only `OF_PAIRS`.

    Raises:
        ValueError: no texts.
    """
    metrics = OF_PAIRS if is_section else known_metrics(texts)
    found = intervals([text.patient_id for text in texts], table, {name: metric.of for name, metric in metrics.items()})
    return {name: asdict(one) for name, one in found.items()}


def summarise_findings(texts: Sequence[ScoredText]) -> dict[str, NameScore]:
    """Compute F1 with side of each finding that any report states as present, with interval and counts."""
    pairs = [(present(reference), present(candidate)) for reference, candidate in (text.facts for text in texts)]
    named = {fact.finding for pair in pairs for facts in pair for fact in facts}
    findings = [finding for finding in Finding if finding in named]
    if not findings:
        return {}
    counts = [[_of_finding(pair, finding) for finding in findings] for pair in pairs]
    return _summarise_names([finding.value for finding in findings], counts, texts)


def summarise_labels(
    texts: Sequence[ScoredText], labels_of: Callable[[frozenset[Fact]], frozenset[str]]
) -> dict[str, NameScore]:
    """Compute F1 of each label that any report has, as `summarise_findings`."""
    pairs = [(labels_of(reference), labels_of(candidate)) for reference, candidate in (text.facts for text in texts)]
    labels = sorted({label for pair in pairs for found in pair for label in found})
    counts = [[overlap(true & {label}, told & {label}) for label in labels] for true, told in pairs]
    return _summarise_names(labels, counts, texts)


def _summarise_names(
    names: Sequence[str], counts: Sequence[Sequence[Counts]], texts: Sequence[ScoredText]
) -> dict[str, NameScore]:
    table = np.array([[_numbers(cell) for cell in row] for row in counts], dtype=float).reshape(len(texts), -1)
    bounds = intervals([text.patient_id for text in texts], table, {one: _f1_at(at) for at, one in enumerate(names)})
    pooled = [sum(column, Counts()) for column in zip(*counts, strict=True)]
    return {
        name: {
            "f1": asdict(bounds[name]),
            "precision": all_.precision,
            "recall": all_.recall,
            "num_matched": all_.num_matched,
            "num_told": all_.num_told,
            "num_true": all_.num_true,
        }
        for name, all_ in zip(names, pooled, strict=True)
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


def _numbers(counts: Counts) -> tuple[int, int, int]:
    return counts.num_matched, counts.num_told, counts.num_true
