"""`clara doctors`: summarises ratings, the raters' agreement, and the comparison of two versions.

Every `clara` command imports this module, so heavy imports happen only when it runs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

if TYPE_CHECKING:
    from evaluation.doctors.agreement import Agreements
    from evaluation.doctors.compare import Comparison
    from evaluation.doctors.records import ErrorTick, Rating
    from evaluation.metrics.intervals import Interval

Ratings = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Ratings as JSONL, one line each.")]
Against = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="Ratings of the version to compare with.")
]


def doctors(ratings: Ratings, against: Against = None) -> None:
    """Summarise doctors' ratings: scores, errors, agreement, and the difference from another version."""
    from evaluation.doctors.agreement import agreements
    from evaluation.doctors.compare import compare
    from evaluation.doctors.records import read_ratings

    out = Console(highlight=False)
    try:
        rated = read_ratings(ratings)
        comparison = compare(read_ratings(against), rated) if against else None
    except ValueError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    _print_scores(rated, out)
    _print_agreements(agreements(rated), out)
    if comparison:
        _print_comparison(comparison, out)


def _print_scores(ratings: "Sequence[Rating]", out: Console) -> None:
    from evaluation.doctors.records import AXES, ErrorTick

    scores = Table("version", "section", "ratings", "accuracy", "completeness", title="Mean scores (1 to 5)")
    # Blanks instead of hyphens, so that headings can wrap and all five fit into 80 columns.
    ticks = Table(
        "version",
        Column("section", min_width=10),
        *(tick.replace("-", " ") for tick in ErrorTick),
        title="Sections with an error",
        pad_edge=False,
    )
    for version, section in sorted({(one.model_version, one.section) for one in ratings}):
        here = [one for one in ratings if (one.model_version, one.section) == (version, section)]
        means = [sum(getattr(one, axis) for one in here) / len(here) for axis in AXES]
        scores.add_row(version, section, str(len(here)), *(f"{mean:.2f}" for mean in means))
        ticks.add_row(version, section, *(_percent(_tick_ratio(here, tick)) for tick in ErrorTick))
    out.print(scores, ticks, sep="\n")


def _tick_ratio(ratings: "Sequence[Rating]", tick: "ErrorTick") -> float | None:
    asked = [one.errors for one in ratings if one.errors is not None]
    return sum(tick in errors for errors in asked) / len(asked) if asked else None


def _print_agreements(agreements: "Agreements", out: Console) -> None:
    if agreements.reason:
        out.print(f"No agreement: {agreements.reason}.", markup=False)
        return
    table = Table("raters", "axis", "sections", "kappa (95 %)", title="Agreement (quadratic-weighted kappa)")
    for one in agreements.pairs:
        kappa = _bounded(one.kappa) if one.kappa else f"none: {one.reason}"
        table.add_row(" / ".join(one.raters), one.axis, str(one.num_sections), kappa)
    out.print(table)


def _print_comparison(comparison: "Comparison", out: Console) -> None:
    title = f"{comparison.after} minus {comparison.before}"
    caption = f"{comparison.num_pairs} pairs of {comparison.num_samples} samples, {comparison.num_unpaired} unpaired"
    table = Table("axis", "mean difference (95 %)", "Wilcoxon p", title=title, caption=caption)
    for axis in comparison.axes:
        p_value = f"none: {axis.note}" if axis.p_value is None else f"{axis.p_value:.3g}"
        table.add_row(axis.axis, _bounded(axis.mean), p_value)
    out.print(table)
    ticks = Table("error", comparison.before, comparison.after, title="Paired sections with the error")
    for one in comparison.ticks:
        ticks.add_row(one.tick, _percent(one.before_ratio), _percent(one.after_ratio))
    out.print(ticks)


def _bounded(figure: "Interval") -> str:
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.0%}"
