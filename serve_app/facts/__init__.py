"""Free Vietnamese report text, read into atomic facts by rule.

Knows what a report says, not whether it is true; the rules are those of `evaluation/gold/GUIDELINE.md`.
"""

from serve_app.domain.facts import Fact
from serve_app.facts.scope import CLAUSE_END, SENTENCE_END, merge, read_clause
from serve_app.facts.text import normalise


def extract(text: str) -> frozenset[Fact]:
    """Read every fact a report states, told present, absent or uncertain; never raises on any text."""
    facts: list[Fact] = []
    for sentence in SENTENCE_END.split(normalise(text)):
        facts += merge([fact for clause in CLAUSE_END.split(sentence) for fact in read_clause(clause.strip())])
    return frozenset(facts)
