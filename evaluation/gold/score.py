"""Scores the fact extractor on the gold sentences and lists every miss: `python -m evaluation.gold.score`."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.metrics.facts import Strictness, micro
from evaluation.provenance import commit
from serve_app.domain.facts import Fact
from serve_app.facts import extract
from training.data.fact_json import read_facts, write_facts

FOLDER = Path(__file__).parent
FILES = ("sentences", "reports", "nasty", "kinds")
RESULT = FOLDER.parent / "results" / "gold.json"


@dataclass(frozen=True, slots=True)
class GoldSentence:
    """A sentence or short report, and its facts by GUIDELINE.md."""

    id: str
    text: str
    facts: frozenset[Fact]


def read_gold(file: Path) -> list[GoldSentence]:
    """Read one file of gold sentences."""
    entries = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [GoldSentence(entry["id"], entry["text"], read_facts(entry["facts"])) for entry in entries]


def score(sentences: Sequence[GoldSentence]) -> dict[str, Any]:
    """Score the extractor at each strictness. A miss lists the missing facts and the extra ones."""
    pairs = [(sentence.facts, extract(sentence.text)) for sentence in sentences]
    counted = {strictness: micro(pairs, strictness) for strictness in Strictness}
    return {
        "num_sentences": len(sentences),
        "num_facts": sum(len(reference) for reference, _ in pairs),
        "scores": {
            strictness: {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
            for strictness, counts in counted.items()
        },
        "misses": [
            {
                "id": sentence.id,
                "text": sentence.text,
                "not_read": json.loads(write_facts(reference - read)),
                "read_instead": json.loads(write_facts(read - reference)),
            }
            for sentence, (reference, read) in zip(sentences, pairs, strict=True)
            if read != reference
        ],
    }


def main() -> None:
    """Score every file and write the result."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.gold.score", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    scored = {name: score(read_gold(FOLDER / f"{name}.jsonl")) for name in FILES}
    result = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        **scored,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({name: one["scores"] for name, one in scored.items()}, indent=2))


if __name__ == "__main__":
    main()
