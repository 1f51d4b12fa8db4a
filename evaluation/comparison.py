"""Compares two runs over the same studies: the difference of each figure, with an interval over patients.

Scores the texts again, so that the same extractor reads both runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from evaluation.metrics.intervals import Interval, Statistic, differences, ratio_of
from evaluation.metrics.lexical import Level
from evaluation.predictions import Prediction, UnusableFolder, read_header, read_predictions
from evaluation.result import scored_texts
from evaluation.scores import known_metrics, tabulate

FAILED_RATIO = "failed_ratio"


class Verdict(StrEnum):
    """The meaning of a difference's interval. `unclear`: it contains zero."""

    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both runs. `before` and `after` are over all drafts of a run, `difference` over common studies.

    `failed_ratio` is over all studies of the run before. With a single patient (`is_bounded` False) there is no valid
    interval.
    """

    before: float
    after: float
    difference: Interval
    is_higher_better: bool
    is_bounded: bool = True

    @property
    def verdict(self) -> Verdict:
        if not self.is_bounded or self.difference.low <= 0 <= self.difference.high:
            return Verdict.UNCLEAR
        return Verdict.BETTER if (self.difference.low > 0) is self.is_higher_better else Verdict.WORSE


@dataclass(frozen=True, slots=True)
class Comparison:
    """All figures of two runs, and how many studies have a draft in both."""

    rows: dict[str, Row]
    num_common: int


def compare_runs(before: Path, after: Path, level: Level = Level.SYLLABLE) -> Comparison:
    """Compare the runs of two folders.

    Raises:
        UnusableFolder: a folder has no run, the runs have different data, `after` has not tried every study of
        `before`, or no study has a draft in both.
    """
    if read_header(before).get("data_sha256") != read_header(after).get("data_sha256"):
        raise UnusableFolder(f"{before} and {after} are runs over different data")
    old, new = ({one.study_id: one for one in read_predictions(folder)} for folder in (before, after))
    num_missing = len(old.keys() - new.keys())
    if num_missing:
        raise UnusableFolder(
            f"{after} lacks {num_missing} of the {len(old)} studies of {before}: it stopped early or had a --limit"
        )
    return compare_predictions(old, new, level)


def compare_predictions(
    old: Mapping[str, Prediction], new: Mapping[str, Prediction], level: Level = Level.SYLLABLE
) -> Comparison:
    """Compare two runs by study id; `new` has every study of `old`.

    Raises:
        UnusableFolder: no study has a draft in both, or a study has different references.
    """
    common = [study for study in old if old[study].draft is not None and new[study].draft is not None]
    if not common:
        raise UnusableFolder("no study has a draft in both runs")
    if any(old[study].reference != new[study].reference for study in common):
        raise UnusableFolder("the runs have different references for the same study")
    rows = _rows(list(old.values()), list(new.values()), [(old[one], new[one]) for one in common], level)
    rows[FAILED_RATIO] = _failed_row([(old[study], new[study]) for study in old])
    return Comparison(rows, len(common))


def _rows(
    old: Sequence[Prediction], new: Sequence[Prediction], common: Sequence[tuple[Prediction, Prediction]], level: Level
) -> dict[str, Row]:
    whole = [scored_texts(run) for run in (old, new)]
    both = [scored_texts(run) for run in zip(*common, strict=True)]
    metrics = known_metrics([text for texts in whole for text in texts])
    patients = [text.patient_id for text in both[0]]
    figures = {name: metric.of for name, metric in metrics.items()}
    gains = differences(patients, tabulate(both[0], level), tabulate(both[1], level), figures)
    sums = [tabulate(texts, level).sum(axis=0, keepdims=True) for texts in whole]
    return {
        name: Row(
            float(metric.of(sums[0])[0]),
            float(metric.of(sums[1])[0]),
            gains[name],
            metric.is_higher_better,
            is_bounded=len(set(patients)) > 1,
        )
        for name, metric in metrics.items()
    }


def _failed_row(tried: Sequence[tuple[Prediction, Prediction]]) -> Row:
    """Compare the shares of studies without a draft, over all studies of the run before."""
    failed = [np.array([[float(one.draft is None), 1.0] for one in run]) for run in zip(*tried, strict=True)]
    patients = [one.patient_id for one, _ in tried]
    share: Statistic = ratio_of
    gain = differences(patients, failed[0], failed[1], {FAILED_RATIO: share})[FAILED_RATIO]
    before, after = (float(run[:, 0].mean()) for run in failed)
    return Row(before, after, gain, is_higher_better=False, is_bounded=len(set(patients)) > 1)
