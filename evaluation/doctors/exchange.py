"""`clara import-ratings` and `clara export-ratings`: the first version's records into our ratings, and back.

Loaded with every `clara` command, so that what reads a run is imported only when it runs. A report's words go from file
to file and are never printed.
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
    """Make a check that an option is what the records can hold."""

    def checked(given: str) -> str:
        try:
            return TypeAdapter[str](kind).validate_python(given)
        except ValidationError as error:
            raise typer.BadParameter(error.errors()[0]["msg"]) from None

    return checked


def import_ratings(
    seed: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The first version's records as JSONL.")],
    ratings: Annotated[Path, typer.Argument(help="Ratings to write, a new file.")],
    rater: Annotated[str, typer.Option(callback=_fitting(Pseudonym), help="Code that stands for who rated.")],
    model_version: Annotated[str, typer.Option(callback=_fitting(Name), help="The model whose reports were rated.")],
) -> None:
    """Take over doctors' scores that the first version of CLARA wrote."""
    from evaluation.doctors.records import read_seed_turns, write_ratings
    from evaluation.doctors.seed import ratings_of

    with _said_plainly(ValueError, OSError):
        _require_new(ratings)
        turns = read_seed_turns(seed)
        write_ratings(ratings, ratings_of(turns, rater, model_version))
    _tell(f"lines read: {len(turns)}; the seed's one score was taken for both axes, accuracy and completeness")


def export_ratings(
    ratings: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Ratings as JSONL, one line each.")],
    run: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder of `clara evaluate`: the rated drafts.")
    ],
    seed: Annotated[Path, typer.Argument(help="The first version's records to write, a new file.")],
    axis: Annotated[Axis, typer.Option(help="Which of the two scores is to be the one.")],
    rater: Annotated[str | None, typer.Option(help="Whose ratings, where there are several raters'.")] = None,
    model_version: Annotated[str | None, typer.Option(help="Of which model, where there are several.")] = None,
) -> None:
    """Write doctors' scores as the first version of CLARA did, with the texts that were rated.

    The file holds report texts: keep it as confidential as the data.
    """
    from evaluation.doctors.records import read_ratings, write_seed_turns
    from evaluation.doctors.seed import chosen, turns_of
    from evaluation.predictions import UnusableFolder, read_predictions

    with _said_plainly(ValueError, OSError, UnusableFolder):
        _require_new(seed)
        rated = chosen(read_ratings(ratings), rater, model_version)
        turns = turns_of(rated, read_predictions(run), axis)
        if not turns:
            raise ValueError(f"none of the {len(rated)} ratings is of a sample that has a draft in {run}")
        write_seed_turns(seed, turns)
    _tell(f"lines written: {len(turns)}; ratings left out, as their samples have no draft: {len(rated) - len(turns)}")


@contextmanager
def _said_plainly(*expected: type[Exception]) -> Iterator[None]:
    try:
        yield
    except expected as error:
        _tell(str(error), style="red")
        raise typer.Exit(1) from error


def _require_new(file: Path) -> None:
    if file.exists():
        raise ValueError(f"{file} is there already: give a new file")


def _tell(message: str, style: str | None = None) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(message, style=style, markup=False)
