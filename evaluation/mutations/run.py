"""Makes right drafts wrong in every way and lists the gates that fail: `python -m evaluation.mutations.run`.

By default the drafts are worded by our own grammar, which shows that the gates see these errors, not how often a model
makes them. `--run FOLDER` mutates the drafts of a run of `clara evaluate` instead: with them, the bounds are yours.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.comparison import compare_predictions
from evaluation.gates import Gate, failed_gates, read_gates
from evaluation.mutations.kinds import MUTATIONS
from evaluation.mutations.pairs import right_drafts
from evaluation.predictions import Prediction, read_predictions
from evaluation.provenance import commit, machine

RESULT = Path(__file__).parents[1] / "results" / "mutations.json"
NUM_DRAFTS = 100


def gates_that_fail(right: Sequence[Prediction], wrong: Sequence[Prediction], gates: Mapping[str, Gate]) -> list[str]:
    """Compare drafts with what became of them, and name the figures whose gates fail."""
    before, after = ({one.study_id: one for one in run} for run in (right, wrong))
    return failed_gates(gates, compare_predictions(before, after).rows)


def score(right: Sequence[Prediction]) -> dict[str, Any]:
    """Apply every mutation to the drafts."""
    gates, caught = read_gates(), {}
    for name, mutation in MUTATIONS.items():
        wrong = mutation.mutate(right)
        num_changed = sum(one != other for one, other in zip(right, wrong, strict=True))
        caught[name] = {"num_changed": num_changed, "failed_gates": gates_that_fail(right, wrong, gates)}
    return {
        "num_drafts": len(right),
        "num_mutations": len(caught),
        "num_caught": sum(bool(one["failed_gates"]) for one in caught.values()),
        "unchanged": gates_that_fail(right, right, gates),
        "mutations": caught,
    }


def main() -> None:
    """Write which gates catch which mutation."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.mutations.run", description=main.__doc__)
    parser.add_argument("--run", type=Path, help="a folder of `clara evaluate`, instead of drawn reports")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    drafts = read_predictions(given.run) if given.run else right_drafts(NUM_DRAFTS)
    result = {
        "what": "right drafts made wrong in one way each; reports of drawn films are in this project's own grammar",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": machine(),
        **score([one for one in drafts if one.draft is not None]),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(f"{result['num_caught']} of {result['num_mutations']} caught; right drafts fail {result['unchanged']}")


if __name__ == "__main__":
    main()
