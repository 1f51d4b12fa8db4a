"""BLEU and ROUGE-L for Vietnamese: the reference implementations with a tokenisation that suits Vietnamese.

ROUGE's own tokeniser drops Vietnamese letters, and unsplit punctuation halves BLEU, so both get syllables (or words)
that are already separated. Source: sacrebleu, Post 2018 (WMT); rouge-score, Lin 2004.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from serve_app.facts.text import one_tone_placement

NUM_COLUMNS = 12
_TOKEN = re.compile(r"\w+|[^\w\s]")


class Level(StrEnum):
    """The unit of a token: a syllable, which needs no model and never changes, or a word as pyvi segments it."""

    SYLLABLE = "syllable"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class LexicalScore:
    """Corpus BLEU (0 to 100) with its signature for comparisons, and mean ROUGE-L F (0 to 1)."""

    bleu: float
    bleu_signature: str
    rouge_l: float
    level: Level


def tokens(text: str, level: Level = Level.SYLLABLE) -> list[str]:
    """Split a report into tokens: NFC, lower case, normalised tone marks, separate punctuation."""
    folded = one_tone_placement(unicodedata.normalize("NFC", text).casefold())
    return _TOKEN.findall(_words()(folded) if level is Level.WORD else folded)


def lexical_score(references: Sequence[str], candidates: Sequence[str], level: Level = Level.SYLLABLE) -> LexicalScore:
    """Compare reports with their references, pair by pair.

    Raises:
        ValueError: no pairs, or different numbers of candidates and references.
    """
    if not references:
        raise ValueError("there are no reports to compare")
    counts = lexical_counts(references, candidates, level)
    sums = counts.sum(axis=0, keepdims=True)
    return LexicalScore(float(bleu_of(sums)[0]), bleu_signature(level), float(rouge_l_of(sums)[0]), level)


def lexical_counts(
    references: Sequence[str], candidates: Sequence[str], level: Level = Level.SYLLABLE
) -> NDArray[np.float64]:
    """Count each pair as (pair, 12): two lengths, four n-gram matches, four n-gram totals, ROUGE-L F, 1.

    Summed over pairs, they yield the figures with `bleu_of` and `rouge_l_of`.

    Raises:
        ValueError: not as many candidates as references.
    """
    if len(references) != len(candidates):
        raise ValueError(f"{len(candidates)} reports cannot be compared with {len(references)} references")
    true, told = ([" ".join(tokens(text, level)) for text in texts] for texts in (references, candidates))
    bleu, rouge = _bleu(), RougeScorer(["rougeL"], tokenizer=_Blanks())
    rows = np.zeros((len(true), NUM_COLUMNS))
    for row, (one, other) in enumerate(zip(true, told, strict=True)):
        found = bleu.corpus_score([other], [[one]])
        rows[row] = found.sys_len, found.ref_len, *found.counts, *found.totals, _f(rouge, one, other), 1
    return rows


def bleu_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute corpus BLEU from summed columns. If both texts are empty it is 0, as in sacrebleu."""
    return np.array([_bleu_of_row(row.astype(int).tolist()) for row in sums[:, :10]])


def rouge_l_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the mean ROUGE-L F from summed columns."""
    ratios: NDArray[np.float64] = sums[:, 10] / np.maximum(sums[:, 11], 1)
    return ratios


def bleu_signature(level: Level) -> str:
    """Return how BLEU was computed, for comparisons."""
    bleu = _bleu()
    bleu.corpus_score(["."], [["."]])  # The signature is complete only after scoring a reference.
    return f"{bleu.get_signature()}|tok:clara-{level}"


def _bleu() -> BLEU:
    return BLEU(tokenize="none", force=True)


def _bleu_of_row(row: list[int]) -> float:
    told, true = row[:2]
    return float(BLEU.compute_bleu(row[2:6], row[6:], told, true, smooth_method="exp").score)


def _f(rouge: RougeScorer, reference: str, candidate: str) -> float:
    return float(rouge.score(reference, candidate)["rougeL"].fmeasure)


class _Blanks:
    """Splits at blanks only: the text is already tokenised."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()


def _words() -> Callable[[str], str]:
    """Load pyvi on first use, because its model takes seconds to load."""
    from pyvi import ViTokenizer

    tokenize: Callable[[str], str] = ViTokenizer.tokenize
    return tokenize
