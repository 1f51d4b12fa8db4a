"""Reads rows in ViX-Ray's format as reported studies. Checks each row and reports those it leaves out, with the reason.

Source: ViX-Ray, arXiv:2603.15513. The data are the user's own copy; this project stores none.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from serve_app.domain.errors import ClaraError, InvalidPatient
from serve_app.domain.facts import Fact
from serve_app.domain.study import Patient, parse_age, parse_sex, parse_view
from serve_app.imaging.decode import decode
from serve_app.settings import PreprocessorSettings
from training.data.columns import Field, RowError, id_of, report_text, text_of
from training.data.fact_json import read_facts
from training.data.rows import RawRow, raw_rows, source_files
from training.data.studies import BadRow, LocatedStudy, ReportedStudy

# How PNG and JPEG files begin in base64. A string longer than any path is base64 as well.
_BASE64_STARTS = ("data:", "iVBORw0KGgo", "/9j/")
_LONGEST_PATH = 4096

T = TypeVar("T")


def read_studies(
    source: Path, on_bad_row: Callable[[BadRow], None], *, allow_extra_columns: bool = False
) -> Iterator[ReportedStudy]:
    """Read the studies of a Parquet or JSONL file, or of a folder of them in sorted order, row by row.

    Decodes every image once to check it. If a row has no patient id, `patient_id` is 'study:' and the study's id, so
    that a study's images stay together. If that is missing too, it is 'image:' and the SHA-256 of the image's bytes:
    then two images of one patient count as two patients, and the same image twice as one. A study without an id is
    named by its file and row. Note ('Ghi chú') and technique ('Kỹ thuật') are read but not used. An age, sex or view
    that cannot be read counts as unknown, and the study names its field in `unread`.

    Raises:
        ColumnError: a table whose columns are unknown, ambiguous or incomplete. FileNotFoundError: there is no table.
    """
    settings = PreprocessorSettings()
    for located in read_located(source, on_bad_row, allow_extra_columns=allow_extra_columns):
        try:
            decode(located.study.image, settings)
        except ClaraError as error:
            on_bad_row(BadRow(located.file, located.row, error.message))
        else:
            yield located.study


def read_located(
    source: Path, on_bad_row: Callable[[BadRow], None], *, allow_extra_columns: bool = False
) -> Iterator[LocatedStudy]:
    """Read as `read_studies` does, with each study's row, but without decoding the image.

    Raises:
        ColumnError, FileNotFoundError: see `read_studies`.
    """
    for file in source_files(source):
        for raw in raw_rows(file, on_bad_row, allow_extra=allow_extra_columns):
            try:
                study = _study(raw)
            except RowError as error:
                on_bad_row(BadRow(file.name, raw.row, str(error)))
            except ClaraError as error:
                on_bad_row(BadRow(file.name, raw.row, error.message))
            else:
                yield LocatedStudy(file.name, raw.row, study)


def _study(raw: RawRow) -> ReportedStudy:
    cells = raw.cells
    findings = report_text(cells[Field.FINDINGS], Field.FINDINGS)
    impression = report_text(cells[Field.IMPRESSION], Field.IMPRESSION)
    unread: list[str] = []
    sex = _optional(parse_sex, cells, Field.SEX, unread)
    age = _optional(parse_age, cells, Field.AGE, unread)
    view = _optional(parse_view, cells, Field.VIEW, unread)
    facts = _facts(cells.get(Field.FACTS))
    image = _image(cells[Field.IMAGE], raw.file.path.parent)
    study_id = id_of(cells.get(Field.STUDY_ID))
    stand_in = f"study:{study_id}" if study_id else f"image:{hashlib.sha256(image).hexdigest()}"
    return ReportedStudy(
        study_id=study_id or f"{raw.file.name}#{raw.row}",
        patient_id=id_of(cells.get(Field.PATIENT_ID)) or stand_in,
        image=image,
        patient=Patient(sex, age),
        findings=findings,
        impression=impression,
        facts=facts,
        view=view,
        unread=tuple(unread),
    )


def _optional(
    parse: Callable[[str], T | None], cells: Mapping[Field, object], field: Field, unread: list[str]
) -> T | None:
    """Read a cell that a lesson can do without; one that cannot be read is unknown and named in `unread`."""
    try:
        return parse(text_of(cells.get(field)))
    except (InvalidPatient, RowError):
        unread.append(field)
        return None


def _facts(value: object) -> frozenset[Fact] | None:
    if not isinstance(value, list) and not text_of(value):
        return None
    try:
        return read_facts(value)
    except (ValueError, TypeError, RecursionError):
        raise RowError("facts cannot be read") from None


def _image(value: object, folder: Path) -> bytes:
    """Read the image's bytes from a cell: bytes, base64, a path, or a Hugging Face struct of bytes and path."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes) and value:
        return value
    if not isinstance(value, str) or not value.strip():
        raise RowError("image is missing")
    text = value.strip()
    if text.startswith(_BASE64_STARTS) or len(text) > _LONGEST_PATH:
        return _from_base64(text)
    try:
        return (folder / text).read_bytes()
    except (OSError, ValueError):
        raise RowError("image file is missing or cannot be opened") from None


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.split(",", 1)[-1] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError):
        raise RowError("image is not valid base64") from None
