"""Prepares reported studies for training: decodes and normalises each image with serving's own functions.

Streams: only a row group of the source and a few images are in memory at a time.
"""

import argparse
import json
import shutil
import sys
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TextIO, TypeVar

from tqdm import tqdm

from serve_app.domain.errors import ClaraError
from serve_app.imaging.decode import decode
from serve_app.imaging.film import readable
from serve_app.imaging.normalize import PREPARATION_VERSION, digest, normalize
from serve_app.settings import PreprocessorSettings
from training.data.fact_json import write_facts
from training.data.manifest import MANIFEST, describe
from training.data.prepared import PreparedRow
from training.data.rows import num_rows, source_files
from training.data.splits import Split, SplitRatios, StudyKey, own_split, refuse_leaks, split_of
from training.data.store import save_splits, split_writers
from training.data.studies import BadRow, LocatedStudy
from training.data.vixray import read_located

SplitBy = Literal["patient", "folder"]
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _SplitRule:
    """How a study is assigned to a split."""

    split_by: SplitBy
    seed: int
    ratios: SplitRatios

    def split(self, located: LocatedStudy) -> Split:
        if self.split_by == "folder":
            return own_split(located.file)
        return split_of(located.study.patient_id, self.seed, self.ratios)


class _Outcome:
    """Collects the result of every row: writes bad rows to a file, and keeps the ids of the others to find leaks."""

    def __init__(self, bad_rows: TextIO, bar: "tqdm[NoReturn]") -> None:
        self.keys: dict[Split, list[StudyKey]] = {split: [] for split in Split}
        self.num_bad_rows = 0
        self.num_unread_cells: Counter[str] = Counter()
        self._bad_rows = bad_rows
        self._bar = bar

    def on_bad_row(self, bad: BadRow) -> None:
        self._bad_rows.write(json.dumps(asdict(bad), ensure_ascii=False) + "\n")
        self.num_bad_rows += 1
        self._bar.update()

    def on_row(self, split: Split, row: PreparedRow, unread: Collection[str]) -> None:
        self.num_unread_cells.update(unread)
        self.keys[split].append(StudyKey(row["study_id"], row["patient_id"], row["digest"]))
        self._bar.update()


def prepare(
    source: Path,
    out: Path,
    max_visual_tokens: int,
    *,
    seed: int = 0,
    ratios: SplitRatios | None = None,
    split_by: SplitBy = "patient",
    num_workers: int = 2,
    allow_extra_columns: bool = False,
) -> dict[str, Any]:
    """Write `out`/train, validation and test, bad_rows.jsonl and manifest.json; return the manifest.

    `split_by` "patient" hashes the patient's id or its substitute; "folder" keeps the data set's own splits (see
    `own_split`). `out` is created complete or not at all.

    Raises:
        FileExistsError: `out` already exists. LeakError: splits share patients, studies or prepared images.
        ColumnError, FileNotFoundError: see `read_studies`. ValueError: a file's path names no split.
    """
    rule = _SplitRule(split_by, seed, ratios or SplitRatios())
    files = source_files(source)
    if split_by == "folder":
        for file in files:
            own_split(file.name)
    with _all_or_nothing(out) as folder:
        with (
            (folder / "bad_rows.jsonl").open("w", encoding="utf-8") as bad_rows,
            closing(tqdm(total=num_rows(files), unit="study", desc="prepare")) as bar,
        ):
            outcome = _Outcome(bad_rows, bar)
            located = read_located(source, outcome.on_bad_row, allow_extra_columns=allow_extra_columns)
            _write_streams(folder, _prepared(located, max_visual_tokens, num_workers), rule, outcome)
        refuse_leaks(outcome.keys)
        save_splits(folder)
        unread = dict(sorted(outcome.num_unread_cells.items()))
        choices = {
            "preparation_version": PREPARATION_VERSION,
            "max_visual_tokens": max_visual_tokens,
            **asdict(rule),
        }
        manifest = describe(files, outcome.keys, outcome.num_bad_rows, unread, choices)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return manifest


def _write_streams(
    folder: Path, prepared: Iterable[tuple[LocatedStudy, PreparedRow | BadRow]], rule: _SplitRule, outcome: _Outcome
) -> None:
    with split_writers(folder) as writers:
        for located, row in prepared:
            if isinstance(row, BadRow):
                outcome.on_bad_row(row)
            else:
                split = rule.split(located)
                writers[split].write(row)
                outcome.on_row(split, row, located.study.unread)


def _prepared(
    studies: Iterable[LocatedStudy], max_visual_tokens: int, num_workers: int
) -> Iterator[tuple[LocatedStudy, PreparedRow | BadRow]]:
    """Prepare on threads, in order; the codecs release the GIL."""
    settings = PreprocessorSettings(max_visual_tokens=max_visual_tokens)
    with ThreadPoolExecutor(num_workers) as threads:
        yield from in_order(threads, lambda study: (study, _row(study, settings)), studies, 2 * num_workers)


def in_order(threads: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T], num_ahead: int) -> Iterator[R]:
    """Map like `Executor.map`, but read at most `num_ahead` items ahead instead of all."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(threads.submit(work, item))
        if len(waiting) >= num_ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _row(located: LocatedStudy, settings: PreprocessorSettings) -> PreparedRow | BadRow:
    study = located.study
    try:
        film = readable(decode(study.image, settings))
        pixels = normalize(film.pixels, settings.max_visual_tokens)
    except ClaraError as error:
        return BadRow(located.file, located.row, error.message)
    return {
        "study_id": study.study_id,
        "patient_id": study.patient_id,
        "pixels": pixels[:, :, 0].tobytes(),
        "height_px": pixels.shape[0],
        "width_px": pixels.shape[1],
        "digest": digest(pixels),
        "sex": study.patient.sex,
        "age": None if study.patient.age is None else str(study.patient.age),
        "view": study.view,
        "findings": study.findings,
        "impression": study.impression,
        "facts": None if study.facts is None else write_facts(study.facts),
    }


@contextmanager
def _all_or_nothing(out: Path) -> Iterator[Path]:
    """Write to a temporary folder and rename it to `out` at the end; an error leaves nothing."""
    if out.exists():
        raise FileExistsError(f"{out} already exists")
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def main() -> None:
    """Prepare reported studies for training, with serving's own image steps."""
    parser = argparse.ArgumentParser(prog="python -m training.data.prepare", description=main.__doc__)
    parser.add_argument("source", type=Path, help="a Parquet or JSONL file, or a folder of them")
    parser.add_argument("out", type=Path, help="the folder to write; it must not exist")
    parser.add_argument("--max-visual-tokens", type=int, default=PreprocessorSettings().max_visual_tokens)
    parser.add_argument("--seed", type=int, default=0, help="random seed of the split by patient")
    parser.add_argument("--split-by", choices=("patient", "folder"), default="patient")
    parser.add_argument("--workers", type=int, default=2, help="threads that decode")
    parser.add_argument("--allow-extra-columns", action="store_true")
    given = parser.parse_args()
    try:
        manifest = prepare(
            given.source,
            given.out,
            given.max_visual_tokens,
            seed=given.seed,
            split_by=given.split_by,
            num_workers=given.workers,
            allow_extra_columns=given.allow_extra_columns,
        )
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(json.dumps(manifest, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
