"""BLEU and ROUGE-L for Vietnamese, by the reference implementations over a tokenisation that is right for it.

ROUGE's own tokeniser throws Vietnamese letters away, and unsplit punctuation halves BLEU: both get syllables (or words)
that are already apart. Source: sacrebleu, Post 2018 (WMT); rouge-score, Lin 2004.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer
from sacrebleu.metrics.bleu import BLEU

from serve_app.reasoning.facts.text import one_tone_placement

_TOKEN = re.compile(r"\w+|[^\w\s]")


class Level(StrEnum):
    """What a token is: a syllable needs no model and never changes; a word is what pyvi takes for one."""

    SYLLABLE = "syllable"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class LexicalScore:
    """Corpus BLEU, 0 to 100, with the signature that makes it comparable; mean ROUGE-L F, 0 to 1."""

    bleu: float
    bleu_signature: str
    rouge_l: float
    level: Level


def tokens(text: str, level: Level = Level.SYLLABLE) -> list[str]:
    """Split a report: NFC, small letters, one placement of tone marks, punctuation apart."""
    folded = one_tone_placement(unicodedata.normalize("NFC", text).casefold())
    return _TOKEN.findall(_words()(folded) if level is Level.WORD else folded)


def lexical_score(references: Sequence[str], candidates: Sequence[str], level: Level = Level.SYLLABLE) -> LexicalScore:
    """Compare reports with their references, pair by pair.

    Raises:
        ValueError: no pairs, or not as many candidates as references.
    """
    if not references or len(references) != len(candidates):
        raise ValueError(f"{len(candidates)} reports cannot be compared with {len(references)} references")
    true, told = ([" ".join(tokens(text, level)) for text in texts] for texts in (references, candidates))
    bleu = BLEU(tokenize="none", force=True)
    score = bleu.corpus_score(told, [true]).score
    scorer = RougeScorer(["rougeL"], tokenizer=_Blanks())
    rouge_l = [scorer.score(one, other)["rougeL"].fmeasure for one, other in zip(true, told, strict=True)]
    return LexicalScore(score, f"{bleu.get_signature()}|tok:clara-{level}", sum(rouge_l) / len(rouge_l), level)


class _Blanks(Tokenizer):
    """Splits what is split already."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()


def _words() -> Callable[[str], str]:
    """Load pyvi when it is wanted: its model takes seconds."""
    from pyvi import ViTokenizer

    tokenize: Callable[[str], str] = ViTokenizer.tokenize
    return tokenize
