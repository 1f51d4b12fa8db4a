"""Matches ViX-Ray's columns by all their known names, and reads their cells.

An error message never repeats a cell.
"""

import math
import re
import unicodedata
from collections.abc import Collection
from enum import StrEnum


class Field(StrEnum):
    """The meaning of a column."""

    IMAGE = "image"
    FINDINGS = "findings"
    IMPRESSION = "impression"
    AGE = "age"
    SEX = "sex"
    VIEW = "view"
    NOTE = "note"
    TECHNIQUE = "technique"
    STUDY_ID = "study_id"
    PATIENT_ID = "patient_id"
    FACTS = "facts"


REQUIRED = (Field.IMAGE, Field.FINDINGS, Field.IMPRESSION)
# Names as `_key` folds them. The data set has findings, impressions, Ages, 'Ghi chú', 'Kỹ thuật'; its users vary them.
VARIANTS: dict[Field, tuple[str, ...]] = {
    Field.IMAGE: ("image", "images", "image path"),
    Field.FINDINGS: ("findings", "finding"),
    Field.IMPRESSION: ("impressions", "impression"),
    Field.AGE: ("ages", "age", "tuổi"),
    Field.SEX: ("sex", "gender", "giới tính"),
    Field.VIEW: ("view", "views", "view position"),
    Field.NOTE: ("ghi chú", "ghi chu", "note", "notes"),
    Field.TECHNIQUE: ("kỹ thuật", "kĩ thuật", "ky thuat", "technique"),
    Field.STUDY_ID: ("study id", "studyid", "study", "study uid", "study instance uid"),
    Field.PATIENT_ID: ("patient id", "patientid", "patient", "subject id"),
    Field.FACTS: ("facts",),
}
_FIELD_OF = {name: field for field, names in VARIANTS.items() for name in names}
_EMPTY_WORDS = frozenset({"", "nan", "none", "null"})


class ColumnError(ValueError):
    """A table does not have the columns of a reported study."""


class RowError(ValueError):
    """A cell cannot be read. The message never repeats it."""


def match_columns(names: Collection[str], file: str, *, allow_extra: bool = False) -> dict[Field, str]:
    """Find the column of each field.

    Raises:
        ColumnError: an unknown column (unless `allow_extra`), two columns with one meaning, or a missing required one.
    """
    columns: dict[Field, str] = {}
    for name in names:
        field = _FIELD_OF.get(_key(name))
        if field is None:
            if not allow_extra:
                raise ColumnError(f"{file}: unknown column {name!r}; known columns: {known_columns()}")
        elif field in columns:
            raise ColumnError(f"{file}: columns {columns[field]!r} and {name!r} both mean {field}")
        else:
            columns[field] = name
    missing = [field for field in REQUIRED if field not in columns]
    if missing:
        raise ColumnError(f"{file}: no column for {', '.join(missing)}; known columns: {known_columns()}")
    return columns


def known_columns() -> str:
    """List every column that is read, with its other names."""
    return "; ".join(" / ".join(names) for names in VARIANTS.values())


def text_of(value: object) -> str:
    """Read a text cell as stripped Unicode NFC; a missing cell (None, NaN) is empty.

    Raises:
        RowError: an unpaired surrogate, which a JSON escape can contain.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = unicodedata.normalize("NFC", str(value)).strip()
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise RowError("a text is not valid Unicode")
    return text


def id_of(value: object) -> str | None:
    """Read an id, or None. 123.0, as a table with gaps stores a number, is the id 123.

    Raises:
        RowError: an unpaired surrogate, which a JSON escape can contain.
    """
    text = text_of(int(value) if isinstance(value, float) and value.is_integer() else value)
    return None if text.casefold() in _EMPTY_WORDS else text


def report_text(value: object, field: Field) -> str:
    """Read findings or impression.

    Raises:
        RowError: the cell is empty, or not a text.
    """
    text = text_of(value)
    if text.casefold() in _EMPTY_WORDS:
        raise RowError(f"{field} is empty")
    if not isinstance(value, str):
        raise RowError(f"{field} is not a text")
    return text


def _key(name: str) -> str:
    """Fold the differences between tables: case, Unicode composition, spaces and underscores."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return " ".join(re.split(r"[\s_-]+", folded.strip()))
