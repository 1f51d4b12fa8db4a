"""Reads tables as raw rows: Parquet by row group, JSONL by line; never a whole file in memory.

Matches columns, but does not interpret cells.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from training.data.columns import ColumnError, Field, RowError, match_columns
from training.data.studies import BadRow

# An image is 3 MB or more: read a few rows at a time, and only a window of a column chunk. Some writers put a whole row
# group into one page or dictionary, which must be read at once: a group of 600 MB took 1.3 GB of memory.
_ROWS_A_BATCH = 8
_READ_BUFFER_BYTES = 1 << 20
_SUFFIXES = (".parquet", ".jsonl")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One table: its path, and its name relative to the source."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row's cells by meaning; `row` counts from 1; in JSONL it is the line number."""

    file: SourceFile
    row: int
    cells: dict[Field, object]


def source_files(source: Path) -> list[SourceFile]:
    """List the tables of a file or folder, in sorted order, without hidden files.

    Raises:
        FileNotFoundError: there is no table. ValueError: the file is of another kind.
    """
    if source.is_file():
        if source.suffix not in _SUFFIXES:
            raise ValueError(f"{source.name} is neither a .parquet nor a .jsonl file")
        return [SourceFile(source, source.name)]
    found = [path for path in source.rglob("*") if path.suffix in _SUFFIXES and path.is_file()]
    names = sorted(path.relative_to(source).as_posix() for path in found)
    files = [SourceFile(source / name, name) for name in names if not any(p.startswith(".") for p in name.split("/"))]
    if not files:
        raise FileNotFoundError(f"{source} has no .parquet or .jsonl file")
    return files


def num_rows(files: list[SourceFile]) -> int | None:
    """Count the rows without reading them; None if a file does not state its number.

    Raises:
        ColumnError: a damaged Parquet file.
    """
    if any(file.path.suffix != ".parquet" for file in files):
        return None
    return sum(_num_rows(file) for file in files)


def raw_rows(file: SourceFile, on_bad_row: Callable[[BadRow], None], *, allow_extra: bool) -> Iterator[RawRow]:
    """Read one table row by row.

    Raises:
        ColumnError: see `match_columns`; also a damaged file, or one that is not a table.
    """
    read = _parquet_rows if file.path.suffix == ".parquet" else _jsonl_rows
    for row, cells in read(file, allow_extra):
        if isinstance(cells, RowError):
            on_bad_row(BadRow(file.name, row, str(cells)))
        else:
            yield RawRow(file, row, cells)


Cells = dict[Field, object] | RowError


@contextmanager
def _naming_damage(file: SourceFile) -> Iterator[None]:
    """Name the unreadable file in the error, which Parquet's own message does not."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError):
        raise ColumnError(f"{file.name}: not a readable Parquet file") from None


def _num_rows(file: SourceFile) -> int:
    with _naming_damage(file):
        return int(pq.read_metadata(file.path).num_rows)


def _parquet_rows(file: SourceFile, allow_extra: bool) -> Iterator[tuple[int, Cells]]:
    with _naming_damage(file):
        table = pq.ParquetFile(file.path, buffer_size=_READ_BUFFER_BYTES, pre_buffer=False)
    with table:
        columns = match_columns(table.schema_arrow.names, file.name, allow_extra=allow_extra)
        row = 0
        for batch in _batches(file, table, list(columns.values())):
            for index in range(batch.num_rows):
                row += 1
                yield row, _batch_cells(batch, index, columns)


def _batches(file: SourceFile, table: pq.ParquetFile, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    with _naming_damage(file):
        for group in range(table.num_row_groups):
            yield from table.iter_batches(_ROWS_A_BATCH, row_groups=[group], columns=wanted, use_threads=False)


def _batch_cells(batch: pa.RecordBatch, index: int, columns: dict[Field, str]) -> Cells:
    try:
        return {field: batch.column(name)[index].as_py() for field, name in columns.items()}
    except ValueError:  # Text that is not UTF-8.
        return RowError("the row is damaged")


def _jsonl_rows(file: SourceFile, allow_extra: bool) -> Iterator[tuple[int, Cells]]:
    columns: dict[Field, str] = {}
    with file.path.open("rb") as lines:
        for row, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            values = _json_object(line)
            if isinstance(values, RowError):
                yield row, values
                continue
            # A line may omit empty columns; only the first line must have every required column.
            names = values.keys() | columns.values()
            if not columns or names != set(columns.values()):
                columns = match_columns(_in_order(names, values), file.name, allow_extra=allow_extra)
            yield row, {field: values.get(name) for field, name in columns.items()}


def _in_order(names: set[str], values: dict[str, object]) -> list[str]:
    return [*(name for name in values if name in names), *sorted(names - values.keys())]


def _json_object(line: bytes) -> dict[str, object] | RowError:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return RowError("the line is not JSON")
    return values if isinstance(values, dict) else RowError("the line is not a JSON object")
