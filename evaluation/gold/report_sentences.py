"""Scores the extractor on sentences that are kept outside the repository: `python -m evaluation.gold.report_sentences`.

The file has one sentence a line: its text, its facts by GUIDELINE.md and what may be argued about them. Only counts are
published.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.metrics.facts import Pair, Strictness, micro
from evaluation.provenance import commit, machine
from serve_app.domain.facts import Finding
from serve_app.engines.checkpoint import sha256_of
from serve_app.facts import extract
from training.data.fact_json import read_facts

RESULT = Path(__file__).parents[1] / "results" / "report_sentences.json"
YOUNGER = frozenset(
    {Finding.CONTUSION, Finding.MALIGNANCY, Finding.PNEUMOPERITONEUM, Finding.PNEUMOMEDIASTINUM}
    | {Finding.LYMPHADENOPATHY, Finding.SUBCUTANEOUS_EMPHYSEMA, Finding.TRACHEOSTOMY_TUBE, Finding.MALPOSITIONED_TUBE}
)
"""Labels that the annotators did not have: what is read as one of them is not counted."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """The annotated and the extracted facts of a sentence, and whether the guideline left no doubt about them."""

    pair: Pair
    is_settled: bool


def read_sentences(file: Path) -> list[Sentence]:
    """Read the annotated sentences and extract their facts."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        Sentence(
            (
                read_facts(row["facts"]),
                frozenset(fact for fact in extract(row["text"]) if fact.finding not in YOUNGER),
            ),
            not row["debatable"],
        )
        for row in rows
    ]


def summarise(sentences: Sequence[Sentence]) -> dict[str, Any]:
    """Score all sentences, and those apart that were settled when they were annotated."""
    settled = [one for one in sentences if one.is_settled]
    return {"all": _scored(sentences), "settled": _scored(settled)}


def _scored(sentences: Sequence[Sentence]) -> dict[str, Any]:
    pairs = [one.pair for one in sentences]
    scores = {strictness.value: round(micro(pairs, strictness).f1, 4) for strictness in Strictness}
    return {"num_sentences": len(pairs), "num_facts": sum(len(reference) for reference, _ in pairs), "f1": scores}


def main() -> None:
    """Score the whole file and its halves and write the counts."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.gold.report_sentences", description=main.__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    sentences = read_sentences(given.file)
    result = {
        "what": "report sentences of several hospitals, annotated by GUIDELINE.md before its rules 15 to 23 and the "
        "labels younger than it, by someone who had not seen the extractor; the even lines were read to mend it",
        "set": {"name": given.file.name, "sha256": sha256_of([given.file])},
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": machine(),
        "whole": summarise(sentences),
        "even_lines": summarise(sentences[1::2]),
        "odd_lines": summarise(sentences[::2]),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({name: result[name] for name in ("whole", "even_lines", "odd_lines")}, indent=2))


if __name__ == "__main__":
    main()
