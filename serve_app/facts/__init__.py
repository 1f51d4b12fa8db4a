"""Free Vietnamese report text, read into atomic facts by rule.

Knows what a report states, not whether it is true; the rules are those of `evaluation/gold/GUIDELINE.md`.
"""

from serve_app.domain.facts import Fact, LocatedFact
from serve_app.facts.sentences import read_sentences
from serve_app.facts.text import normalise


def extract(text: str) -> frozenset[Fact]:
    """Read every fact a report states, as present, absent or uncertain; never raises on any text."""
    return frozenset(located.fact for located in located_facts(text))


def located_facts(text: str) -> tuple[LocatedFact, ...]:
    """Read the facts of `extract` with their places in the text, in reading order; each sentence counts by itself."""
    return tuple(read_sentences(normalise(text)))
