"""Doctors' scores as JSONL, one line a rating: our own record, and the seed's exactly as it wrote it.

Scores and ticks have no defaults: what a doctor did not give is not there. Knows no statistics.
"""

import json
from collections.abc import Hashable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer

Score = Annotated[int, Field(ge=1, le=5)]
"""1 is wholly wrong, 5 is perfect."""

Pseudonym = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
"""A short code that stands for a rater; it has no room for a name with blanks or capitals."""

Name = Annotated[str, Field(max_length=200, pattern=r"^[\w.:/@+-]+$")]

Axis = Literal["accuracy", "completeness"]
AXES: tuple[Axis, ...] = ("accuracy", "completeness")


class Section(StrEnum):
    FINDINGS = "findings"
    IMPRESSION = "impression"


class ErrorTick(StrEnum):
    """What a rater ticks as wrong in a section."""

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
    """Empty means that the rater found none of them, None that nobody asked."""

    @property
    def key(self) -> tuple[str, str, Section, str]:
        """What there can be only one rating of: (model version, sample, section, rater)."""
        return self.model_version, self.sample, self.section, self.rater

    @field_serializer("errors")
    def _in_one_order(self, errors: frozenset[ErrorTick] | None) -> list[str] | None:
        return None if errors is None else [tick.value for tick in ErrorTick if tick in errors]


class SeedTurn(_Record):
    """One turn as the seed's doctor page wrote it: one score, no rater, no model; both turns carry the same score."""

    sample_idx: int
    answer_idx: Literal[1, 2]
    generated: str
    ground_truth: str
    score: Score


class BadRecords(ValueError):
    """Lines that are no records: (line number from 1, reason) each, without the words that they held."""

    def __init__(self, file: Path, reasons: Sequence[tuple[int, str]]) -> None:
        super().__init__("\n".join(f"{file}:{number}: {reason}" for number, reason in reasons))
        self.file = file
        self.reasons = tuple(reasons)


def read_ratings(file: Path) -> list[Rating]:
    """Read our own records.

    Raises:
        BadRecords: a line is none, or rates what an earlier line has rated for the same rater.
    """
    ratings = _read(file, Rating)
    if twice := rated_twice(rating.key for rating in ratings):
        raise BadRecords(file, twice)
    return ratings


def rated_twice(keys: Iterable[Hashable]) -> list[tuple[int, str]]:
    """Find the lines that rate what an earlier line has rated, given what each line rates."""
    first_lines: dict[Hashable, int] = {}
    firsts = ((number, first_lines.setdefault(key, number)) for number, key in enumerate(keys, start=1))
    return [(number, f"rates again what line {first} has rated") for number, first in firsts if first != number]


def write_ratings(file: Path, ratings: Iterable[Rating]) -> None:
    """Write our own records, one line each."""
    _write(file, ratings)


def read_seed_turns(file: Path) -> list[SeedTurn]:
    """Read the seed's records in their order.

    Raises:
        BadRecords: a line is none.
    """
    return _read(file, SeedTurn)


def write_seed_turns(file: Path, turns: Iterable[SeedTurn]) -> None:
    """Write the seed's records: its keys in its order, Vietnamese as it is."""
    _write(file, turns)


def _read(file: Path, record: type[AnyRecord]) -> list[AnyRecord]:
    """Split at line feeds only: a report may hold U+2028, which `splitlines` takes for a line's end."""
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
    """Name the fields and what is wrong with them; a report's words stay out of messages."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'line'}: {one['msg']}" for one in details)
