"""Scores drafts again without their model, by the extractor and the figures of today.

`python -m evaluation.rescore PREDICTIONS RESULT` rewrites a run's result.json, or a published one.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from evaluation.predictions import read_prediction_file
from evaluation.result import score_run, write_result

_OF_THE_DATA = ("num_bad_rows", "bad_rows")
_OF_THE_DRAFTS = ("date", "commit", "machine")


def rescore(predictions: Path, result: Path) -> dict[str, Any]:
    """Score drafts and rewrite their result, which keeps what the drafts do not tell: their model and their data.

    Raises:
        UnusableFolder: a prediction cannot be read. FileNotFoundError: a file is missing.
    """
    old = json.loads(result.read_text(encoding="utf-8"))
    drafted = old.get("drafted") or {name: old[name] for name in _OF_THE_DRAFTS if name in old}
    scored = score_run({}, read_prediction_file(predictions), [])
    scored["counts"] |= {name: old["counts"][name] for name in _OF_THE_DATA}
    rescored = {**old, **scored, "drafted": drafted}
    write_result(result, rescored)
    return rescored


def main() -> None:
    """Score drafts again and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.rescore", description=main.__doc__)
    parser.add_argument("predictions", type=Path, help="predictions.jsonl of a run")
    parser.add_argument("result", type=Path, help="result.json of the same run")
    given = parser.parse_args()
    scores = rescore(given.predictions, given.result)["scores"]
    print(json.dumps({name: round(found["value"], 4) for name, found in scores.items()}, indent=2))


if __name__ == "__main__":
    main()
