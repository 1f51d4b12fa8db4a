"""`clara import-ratings` and `clara export-ratings`: convert the first version's records to our ratings and back.

Every `clara` command imports this module, so heavy imports happen only when it runs. Report texts are never printed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from evaluation.doctors.records import Axis, Name, Pseudonym


def _fitting(kind: Any) -> Callable[[str], str]:
    """Return a check that an option is valid in the records."""

    def checked(given: str) -> str:
        try:
            return TypeAdapter[str](kind).validate_python(given)
        except ValidationError as error:
            raise typer.BadParameter(error.errors()[0]["msg"]) from None

    return checked


def import_ratings(
    records: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The first version's records as JSONL.")],
    ratings: Annotated[Path, typer.Argument(help="New file for the ratings.")],
    rater: Annotated[str, typer.Option(callback=_fitting(Pseudonym), help="Code of the rater.")],
    model_version: Annotated[str, typer.Option(callback=_fitting(Name), help="The model whose reports were rated.")],
) -> None:
    """Import doctors' scores that the first version of CLARA recorded."""
    from evaluation.doctors.first_version import ratings_of
    from evaluation.doctors.records import read_first_version_turns, write_ratings

    with _exit_on(ValueError, OSError):
        _require_new(ratings)
        turns = read_first_version_turns(records)
        write_ratings(ratings, ratings_of(turns, rater, model_version))
    _print(f"lines read: {len(turns)}; the one score of each line was taken for both axes, accuracy and completeness")


def export_ratings(
    ratings: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Ratings as JSONL, one line each.")],
    run: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder of `clara evaluate`: the rated drafts.")
    ],
    records: Annotated[Path, typer.Argument(help="New file for the first version's records.")],
    axis: Annotated[Axis, typer.Option(help="Which of the two scores to export.")],
    rater: Annotated[str | None, typer.Option(help="The rater, if there are several.")] = None,
    model_version: Annotated[str | None, typer.Option(help="The model version, if there are several.")] = None,
) -> None:
    """Export doctors' scores in the first version's format, with the rated texts.

    The file contains report texts: keep it as confidential as the data.
    """
    from evaluation.doctors.first_version import chosen, turns_of
    from evaluation.doctors.records import read_ratings, write_first_version_turns
    from evaluation.predictions import UnusableFolder, read_predictions

    with _exit_on(ValueError, OSError, UnusableFolder):
        _require_new(records)
        rated = chosen(read_ratings(ratings), rater, model_version)
        turns = turns_of(rated, read_predictions(run), axis)
        if not turns:
            raise ValueError(f"no sample of the {len(rated)} ratings has a draft in {run}")
        write_first_version_turns(records, turns)
    _print(f"lines written: {len(turns)}; ratings left out, without a draft of their sample: {len(rated) - len(turns)}")


@contextmanager
def _exit_on(*expected: type[Exception]) -> Iterator[None]:
    try:
        yield
    except expected as error:
        _print(str(error), style="red")
        raise typer.Exit(1) from error


def _require_new(file: Path) -> None:
    if file.exists():
        raise ValueError(f"{file} already exists: name a new file")


def _print(message: str, style: str | None = None) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(message, style=style, markup=False)
