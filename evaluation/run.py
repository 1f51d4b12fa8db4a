"""Runs one evaluation, from data to result.json and report.html. Resumable at every study."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from evaluation.drafters import Drafter
from evaluation.drafting import draft_all
from evaluation.metrics.lexical import Level
from evaluation.predictions import Prediction, PredictionBook, read_predictions
from evaluation.report.page import write_page
from evaluation.result import RESULT, score_run, write_result
from training.data import BadRow, ReportedStudy, read_located, read_studies
from training.data.fact_json import write_facts
from training.data.rows import num_rows, source_files

ReadStudies = Callable[[Path, Callable[[BadRow], None]], Iterator[ReportedStudy]]
OpenDrafter = Callable[[], AbstractAsyncContextManager[Drafter]]


@dataclass(slots=True)
class StudyReader:
    """Reads studies, and records those it returned and the rows it left out. Of two with one id it keeps the first."""

    source: Path
    limit: int | None = None
    read: ReadStudies = read_studies
    bad_rows: list[BadRow] = field(default_factory=list)
    study_ids: dict[str, None] = field(default_factory=dict)

    def studies(self) -> Iterator[ReportedStudy]:
        """Yield at most `limit` studies, in the source's order."""
        return islice(self._unique(), self.limit)

    def _unique(self) -> Iterator[ReportedStudy]:
        for number, study in enumerate(self.read(self.source, self.bad_rows.append), start=1):
            if study.study_id in self.study_ids:
                self.bad_rows.append(BadRow(self.source.name, number, "an earlier row has the same study id"))
                continue
            self.study_ids[study.study_id] = None
            yield study


async def run(
    reader: StudyReader,
    open_drafter: OpenDrafter,
    folder: Path,
    extra_header: Mapping[str, Any],
    *,
    concurrency: int = 4,
    level: Level = Level.SYLLABLE,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Draft the studies without a draft, score all, write result.json and report.html, and return the result.

    Raises:
        DrafterGone: no (further) draft is possible. UnusableFolder: it has another run. NothingToScore: no draft.
        ColumnError, FileNotFoundError, ValueError: the data cannot be read.
    """
    data = {"data_sha256": sha256_of_studies(reader.source)}
    with progress or progress_bar() as bar:
        async with open_drafter() as drafter:
            header = {**(await drafter.describe()).as_header(), **data, **extra_header}
            book = PredictionBook(folder, header)
            task = bar.add_task("draft", total=_num_expected(reader), failed=0)
            await draft_all(reader.studies(), drafter, book, concurrency, _reporting(bar, task))
    predictions = [one for one in read_predictions(folder) if one.study_id in reader.study_ids]
    result = score_run(header, predictions, reader.bad_rows, level)
    write_result(folder / RESULT, result)
    write_page(folder, result, predictions, images_of(reader.source))
    return result


def sha256_of_studies(source: Path) -> str:
    """Hash every readable study, including its image, wherever that is stored."""
    whole = hashlib.sha256()
    for located in read_located(source, lambda row: None):
        study = located.study
        texts = (study.study_id, study.patient_id, repr(study.patient), study.findings, study.impression)
        truth = "" if study.facts is None else write_facts(study.facts)
        for part in (study.image, *(text.encode() for text in (*texts, truth))):
            whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def images_of(source: Path) -> Callable[[Iterable[str]], dict[str, bytes]]:
    """Return a function that reads the image files of given studies from the data."""

    def read(study_ids: Iterable[str]) -> dict[str, bytes]:
        wanted, found = set(study_ids), dict[str, bytes]()
        for located in read_located(source, lambda row: None):
            if located.study.study_id in wanted:
                found.setdefault(located.study.study_id, located.study.image)
            if found.keys() == wanted:
                break
        return found

    return read


def progress_bar() -> Progress:
    """Create a progress bar: studies done, failed, elapsed and remaining time."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )


def _num_expected(reader: StudyReader) -> int | None:
    total = num_rows(source_files(reader.source))
    if total is None or reader.limit is None:
        return total if reader.limit is None else reader.limit
    return min(total, reader.limit)


def _reporting(bar: Progress, task: TaskID) -> Callable[[Prediction | None], None]:
    num_failed = 0

    def tell(prediction: Prediction | None) -> None:
        nonlocal num_failed
        num_failed += prediction is not None and prediction.draft is None
        bar.update(task, advance=1, failed=num_failed)

    return tell
