"""Compares a retrained demo model with the published one: `python -m evaluation.demo.reproduced runs/demo`."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from evaluation.demo.follow_ups import NAME as FOLLOW_UPS
from evaluation.result import RESULT

PUBLISHED = Path(__file__).parent.parent / "results"
# File in a run's `evaluation` folder, file of the published result, and the figures to compare.
HELD = (
    (RESULT, "demo.json", ("fact_f1_side", "fact_f1_complete", "contradiction_ratio", "bleu", "rouge_l")),
    (FOLLOW_UPS, "demo_follow_ups.json", ("right_ratio",)),
)


@dataclass(frozen=True, slots=True)
class Held:
    """A reproduced figure and its published interval."""

    name: str
    value: float
    low: float
    high: float

    @property
    def is_within(self) -> bool:
        return self.low <= self.value <= self.high


def hold(run: Path, published: Path) -> list[Held]:
    """Read both results' figures.

    Raises:
        FileNotFoundError: the run was not evaluated, or nothing is published.
    """
    return [held for made, told, names in HELD for held in _held(_scores(run / made), _scores(published / told), names)]


def _held(made: Mapping[str, Any], told: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[Held]:
    for name in names:
        yield Held(name, made[name]["value"], told[name]["low"], told[name]["high"])


def _scores(file: Path) -> dict[str, Any]:
    scores: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["scores"]
    return scores


def main() -> None:
    """Compare the scores of a run with the published intervals; exit 1 when one is outside."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.demo.reproduced", description=main.__doc__)
    parser.add_argument("run", type=Path, help="the run's folder, with `evaluation` in it")
    try:
        figures = hold(parser.parse_args().run / "evaluation", PUBLISHED)
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is missing: score the run first, and keep the published results")
    table = Table("figure", "reproduced", "published 95 % interval", "")
    for held in figures:
        verdict = "within" if held.is_within else "OUTSIDE"
        table.add_row(held.name, f"{held.value:.4f}", f"{held.low:.4f} to {held.high:.4f}", verdict)
    Console(highlight=False).print(table)
    sys.exit(int(not all(held.is_within for held in figures)))


if __name__ == "__main__":
    main()
