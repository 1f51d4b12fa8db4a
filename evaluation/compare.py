"""`clara compare`: compares two evaluated models, and decides whether the new one may replace the old one.

Every `clara` command imports this module, so heavy imports happen only when it runs.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from evaluation.comparison import Comparison

BROKEN = 1
UNUSABLE = 2

_COLOURS = {"better": "green", "worse": "bold red", "unclear": "dim"}


def compare(
    old: Annotated[Path, typer.Argument(help="Folder of `clara evaluate`: the current model.")],
    new: Annotated[Path, typer.Argument(help="Folder of `clara evaluate`: the model to replace it.")],
    gates: Annotated[Path | None, typer.Option(help="Bounds as YAML. Default: evaluation/gates.yaml.")] = None,
    word_level: Annotated[bool, typer.Option("--word-level", help="BLEU and ROUGE-L over words by pyvi.")] = False,
) -> None:
    """Compare two runs over the same data. Exit code 1: a gate failed; 2: the input cannot be used."""
    from evaluation.comparison import compare_runs
    from evaluation.gates import GATES, UnusableGates, broken, read_gates
    from evaluation.metrics.lexical import Level
    from evaluation.predictions import UnusableFolder

    console = Console(highlight=False, soft_wrap=True)
    try:
        bounds = read_gates(gates or GATES)
        comparison = compare_runs(old, new, Level.WORD if word_level else Level.SYLLABLE)
        failures = broken(bounds, comparison.rows)
    except (UnusableFolder, UnusableGates) as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), style="bold red", markup=False)
        raise typer.Exit(UNUSABLE) from error
    console.print(_table(comparison))
    console.print(f"Differences over {comparison.num_common} studies with a draft in both; intervals over patients.")
    for failure in failures:
        console.print(f"gate failed: {failure}", style="bold red", markup=False)
    if failures:
        raise typer.Exit(BROKEN)
    console.print(f"All {len(bounds)} gates passed.")


def _table(comparison: "Comparison") -> Table:
    table = Table("figure", "old", "new", "difference", "95 % interval", "verdict")
    for name, row in comparison.rows.items():
        gain = row.difference
        table.add_row(
            name,
            f"{row.before:.4f}",
            f"{row.after:.4f}",
            f"{gain.value:+.4f}",
            f"{gain.low:+.4f} to {gain.high:+.4f}",
            f"[{_COLOURS[row.verdict]}]{row.verdict}[/]",
        )
    return table
