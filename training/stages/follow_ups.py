"""Follow-up questions of a doctor, for the chat stage. Each study gets a reproducible random choice.

Uses the wording of the drawn films. Asks nothing that the facts leave open.
"""

import hashlib
from collections.abc import Collection

import numpy as np

from serve_app.domain.facts import DEVICES, LUNGS, Fact, Finding, Polarity
from training.phantoms.questions import FollowUp, follow_ups
from training.phantoms.wording import require_wording

# The specific findings that an unspecific one may mean.
_MEANT_BY = {
    Finding.LUNG_LESION: LUNGS,
    Finding.DEVICE: DEVICES,
    Finding.ABNORMALITY: frozenset(Finding) - DEVICES,
}


def choose_follow_ups(facts: Collection[Fact], num_max: int, rng: np.random.Generator) -> tuple[FollowUp, ...]:
    """Choose at most `num_max` questions with true answers; none if a fact has no wording.

    `facts` must be complete: a finding that is missing is denied. Uncertain findings are not asked about.
    """
    if not all(_has_words(fact) for fact in facts if fact.polarity is Polarity.PRESENT):
        return ()
    open_findings = _undeniable({fact.finding for fact in facts if fact.polarity is Polarity.UNCERTAIN})
    asked = follow_ups(facts, rng)
    return tuple(pair for pair in asked if not pair.scope & open_findings)[:num_max]


def _undeniable(uncertain: Collection[Finding]) -> frozenset[Finding]:
    """List findings that must not be denied: all that an uncertain finding may mean, any lesion of uncertain lungs."""
    findings = frozenset().union(*(_MEANT_BY.get(finding, {finding}) for finding in uncertain))
    return findings | {Finding.LUNG_LESION} if findings & LUNGS else findings


def study_rng(seed: int, study_id: str) -> np.random.Generator:
    """Return a study's own random generator, independent of its position in the data set."""
    digest = hashlib.sha256(study_id.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _has_words(fact: Fact) -> bool:
    try:
        require_wording(fact)
    except ValueError:
        return False
    return True
