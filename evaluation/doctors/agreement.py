"""Measures the raters' agreement: quadratic-weighted kappa of every two, on the sections that both rated.

Kappa is None, with a reason, if it is undefined: no second rater, no common section, or only one score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from evaluation.doctors.records import AXES, Axis, Rating
from evaluation.metrics.intervals import Interval

SCORES = (1, 2, 3, 4, 5)
NUM_RESAMPLES = 500
"""Each resample computes one kappa. LLaVA-Rad's intervals use as many."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of two raters on one axis."""

    raters: tuple[str, str]
    axis: Axis
    num_sections: int
    num_samples: int
    kappa: Interval | None
    reason: str | None
    """Why there is no kappa."""


@dataclass(frozen=True, slots=True)
class Agreements:
    pairs: tuple[Agreement, ...]
    reason: str | None
    """Why there is no pair."""


def agreements(ratings: Sequence[Rating], seed: int = 0) -> Agreements:
    """Compare every two raters on every axis."""
    raters = sorted({rating.rater for rating in ratings})
    if len(raters) < 2:
        return Agreements((), f"agreement needs two raters, but there is {'one' if raters else 'none'}")
    return Agreements(
        tuple(_agreement(ratings, pair, axis, seed) for pair in combinations(raters, 2) for axis in AXES), None
    )


def _agreement(ratings: Sequence[Rating], raters: tuple[str, str], axis: Axis, seed: int) -> Agreement:
    samples, scores = _common(ratings, raters, axis)
    num_samples = len(set(samples))
    reason = _why_undefined(scores, raters)
    kappa = None if reason else _bounded(samples, scores, seed)
    return Agreement(raters, axis, len(scores), num_samples, kappa, reason)


def _common(ratings: Sequence[Rating], raters: tuple[str, str], axis: Axis) -> tuple[list[str], NDArray[np.int64]]:
    """Pair the scores of the sections that both rated. Returns samples, and scores as (section, rater)."""
    by_rater = [
        {(rating.sample, rating.model_version, rating.section): rating for rating in ratings if rating.rater == rater}
        for rater in raters
    ]
    both = sorted(by_rater[0].keys() & by_rater[1].keys())
    scores = [[getattr(one[key], axis) for one in by_rater] for key in both]
    return [sample for sample, _, _ in both], np.array(scores, dtype=np.int64).reshape(-1, 2)


def _why_undefined(scores: NDArray[np.int64], raters: tuple[str, str]) -> str | None:
    if not len(scores):
        return "they rated no section in common"
    constant = [rater for rater, column in zip(raters, scores.T, strict=True) if len(set(column)) == 1]
    return f"{' and '.join(constant)} always gave the same score" if constant else None


def _bounded(samples: Sequence[str], scores: NDArray[np.int64], seed: int) -> Interval:
    """Bootstrap over samples: all sections of a sample, of all models, are drawn together.

    Leaves out resamples with an undefined kappa.
    """
    groups = [np.flatnonzero(np.asarray(samples) == sample) for sample in sorted(set(samples))]
    random = np.random.default_rng(seed)
    draws = random.integers(len(groups), size=(NUM_RESAMPLES, len(groups)))
    resamples = (scores[np.concatenate([groups[one] for one in draw])] for draw in draws)
    values = [_kappa(drawn) for drawn in resamples if all(np.ptp(column) for column in drawn.T)]
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(_kappa(scores), float(low), float(high))


def _kappa(scores: NDArray[np.int64]) -> float:
    return float(cohen_kappa_score(scores[:, 0], scores[:, 1], labels=SCORES, weights="quadratic"))
