"""Doctors' scores as JSONL, one rating per line: our own records, and the first version's, byte for byte.

Scores and ticks have no defaults: a record contains only what a doctor entered.
"""

import json
from collections.abc import Hashable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer

Score = Annotated[int, Field(ge=1, le=5)]
"""From 1 (entirely wrong) to 5 (perfect)."""

Pseudonym = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
"""A short code for a rater. Its pattern rejects names with blanks or capitals."""

Name = Annotated[str, Field(max_length=200, pattern=r"^[\w.:/@+-]+$")]

Axis = Literal["accuracy", "completeness"]
AXES: tuple[Axis, ...] = ("accuracy", "completeness")


class Section(StrEnum):
    FINDINGS = "findings"
    IMPRESSION = "impression"


class ErrorTick(StrEnum):
    """The errors that a rater can tick for a section."""

    FALSE_FINDING = "false-finding"
    MISSED_FINDING = "missed-finding"
    WRONG_SIDE = "wrong-side"
    WRONG_SEVERITY = "wrong-severity"
    OTHER = "other"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


AnyRecord = TypeVar("AnyRecord", bound=_Record)


class Rating(_Record):
    """One rater's verdict on one section of one sample's report."""

    rater: Pseudonym
    model_version: Name
    sample: Name
    section: Section
    accuracy: Score
    completeness: Score
    errors: frozenset[ErrorTick] | None
    """Empty: the rater found none of them. None: the rater was not asked."""

    @property
    def key(self) -> tuple[str, str, Section, str]:
        """The unique key of a rating: (model version, sample, section, rater)."""
        return self.model_version, self.sample, self.section, self.rater

    @field_serializer("errors")
    def _in_one_order(self, errors: frozenset[ErrorTick] | None) -> list[str] | None:
        return None if errors is None else [tick.value for tick in ErrorTick if tick in errors]


class FirstVersionTurn(_Record):
    """One turn as the first version's doctor page recorded it: one score for both turns, no rater, no model."""

    sample_idx: int
    answer_idx: Literal[1, 2]
    generated: str
    ground_truth: str
    score: Score


class BadRecords(ValueError):
    """Lines that are not records, each as (line number from 1, reason), without their content."""

    def __init__(self, file: Path, reasons: Sequence[tuple[int, str]]) -> None:
        super().__init__("\n".join(f"{file}:{number}: {reason}" for number, reason in reasons))
        self.file = file
        self.reasons = tuple(reasons)


def read_ratings(file: Path) -> list[Rating]:
    """Read our own records.

    Raises:
        BadRecords: a line is not a record, or repeats an earlier rating by the same rater.
    """
    ratings = _read(file, Rating)
    if twice := rated_twice(rating.key for rating in ratings):
        raise BadRecords(file, twice)
    return ratings


def rated_twice(keys: Iterable[Hashable]) -> list[tuple[int, str]]:
    """Find the lines whose key repeats the key of an earlier line."""
    first_lines: dict[Hashable, int] = {}
    firsts = ((number, first_lines.setdefault(key, number)) for number, key in enumerate(keys, start=1))
    return [(number, f"repeats the rating of line {first}") for number, first in firsts if first != number]


def write_ratings(file: Path, ratings: Iterable[Rating]) -> None:
    """Write our own records, one line each."""
    _write(file, ratings)


def read_first_version_turns(file: Path) -> list[FirstVersionTurn]:
    """Read the first version's records in their order.

    Raises:
        BadRecords: a line is not a record.
    """
    return _read(file, FirstVersionTurn)


def write_first_version_turns(file: Path, turns: Iterable[FirstVersionTurn]) -> None:
    """Write the first version's records: keys in its order, Vietnamese unescaped."""
    _write(file, turns)


def _read(file: Path, record: type[AnyRecord]) -> list[AnyRecord]:
    """Split at line feeds only: a report may contain U+2028, at which `splitlines` also splits."""
    lines = file.read_bytes().split(b"\n")
    if not lines[-1]:
        lines.pop()
    records: list[AnyRecord] = []
    reasons = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(record.model_validate_json(line))
        except ValidationError as error:
            reasons.append((number, _reason(error)))
    if reasons:
        raise BadRecords(file, reasons)
    return records


def _write(file: Path, records: Iterable[_Record]) -> None:
    lines = [json.dumps(record.model_dump(mode="json"), ensure_ascii=False) + "\n" for record in records]
    file.write_bytes("".join(lines).encode())


def _reason(error: ValidationError) -> str:
    """Name the invalid fields and their errors, without report texts."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'line'}: {one['msg']}" for one in details)
