"""Doctors' ratings and the first version's turns survive the way to disk and back; a bad line is named, not quoted."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from evaluation.doctors.records import (
    BadRecords,
    ErrorTick,
    FirstVersionTurn,
    Rating,
    Section,
    read_first_version_turns,
    read_ratings,
    write_first_version_turns,
    write_ratings,
)

FIRST_VERSION_LINE = (
    '{"sample_idx": 0, "answer_idx": 1, "generated": "- BÓNG TIM TO\\n- CÒN MÁY TẠO NHỊP", '
    '"ground_truth": "- BÓNG TIM TO\\n- CÒN MÁY TẠO NHỊP", "score": 5}\n'
)
"""The first line of the first version's own file, as its `json.dumps(record, ensure_ascii=False)` wrote it."""

words = st.text(st.characters(exclude_categories=["Cs"])) | st.just("a\u2028b\x85c\r\nd")
scores = st.integers(1, 5)
codes = st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,31}\Z")

first_version_turns = st.builds(
    FirstVersionTurn,
    sample_idx=st.integers(-(2**53), 2**53),
    answer_idx=st.sampled_from([1, 2]),
    generated=words,
    ground_truth=words,
    score=scores,
)
ratings = st.builds(
    Rating,
    rater=codes,
    model_version=codes,
    sample=codes,
    section=st.sampled_from(Section),
    accuracy=scores,
    completeness=scores,
    errors=st.none() | st.frozensets(st.sampled_from(ErrorTick)),
)


def a_rating(**changes: Any) -> dict[str, Any]:
    return {
        "rater": "r1",
        "model_version": "v1",
        "sample": "s1",
        "section": "findings",
        "accuracy": 4,
        "completeness": 5,
        "errors": ["wrong-side"],
    } | changes


def written(file: Path, *records: dict[str, Any]) -> Path:
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return file


@given(st.lists(first_version_turns, max_size=5))
def test_the_first_versions_turns_come_back_as_they_were(turns: list[FirstVersionTurn]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "first_version.jsonl"
        write_first_version_turns(file, turns)
        assert read_first_version_turns(file) == turns


@given(st.lists(ratings, max_size=5, unique_by=lambda one: one.key))
def test_ratings_come_back_as_they_were(rated: list[Rating]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ratings.jsonl"
        write_ratings(file, rated)
        assert read_ratings(file) == rated


def test_the_first_versions_file_is_written_again_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "first_version.jsonl").write_text(FIRST_VERSION_LINE, encoding="utf-8")

    write_first_version_turns(tmp_path / "again.jsonl", read_first_version_turns(tmp_path / "first_version.jsonl"))

    assert (tmp_path / "again.jsonl").read_bytes() == FIRST_VERSION_LINE.encode()


def test_ticks_are_written_in_one_order(tmp_path: Path) -> None:
    every = Rating.model_validate_json(json.dumps(a_rating(errors=[tick.value for tick in reversed(ErrorTick)])))
    write_ratings(tmp_path / "ratings.jsonl", [every])

    line = json.loads((tmp_path / "ratings.jsonl").read_text(encoding="utf-8"))
    assert line["errors"] == [tick.value for tick in ErrorTick]


@pytest.mark.parametrize("errors", [None, []])
def test_ticks_that_nobody_asked_for_stay_apart_from_none_found(errors: list[str] | None, tmp_path: Path) -> None:
    (read,) = read_ratings(written(tmp_path / "ratings.jsonl", a_rating(errors=errors)))
    write_ratings(tmp_path / "again.jsonl", [read])

    assert read.errors == (None if errors is None else frozenset())
    assert json.loads((tmp_path / "again.jsonl").read_text(encoding="utf-8"))["errors"] == errors


@pytest.mark.parametrize("field", ["accuracy", "completeness", "errors", "rater", "model_version"])
def test_nothing_that_a_rater_gives_is_filled_in(field: str) -> None:
    given_less = {name: value for name, value in a_rating().items() if name != field}
    with pytest.raises(ValidationError, match=field):
        Rating.model_validate_json(json.dumps(given_less))


@pytest.mark.parametrize(
    "change",
    [
        {"accuracy": 0},
        {"accuracy": 6},
        {"completeness": 3.5},
        {"completeness": True},
        {"completeness": "4"},
        {"rater": "Bác sĩ An"},
        {"section": "turn 1"},
        {"errors": ["typo"]},
        {"score": 5},
    ],
)
def test_what_is_no_rating_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadRecords):
        read_ratings(written(tmp_path / "ratings.jsonl", a_rating(**change)))


def test_every_bad_line_is_named_by_file_and_number_without_its_words(tmp_path: Path) -> None:
    file = tmp_path / "first_version.jsonl"
    bad = FIRST_VERSION_LINE.replace('"score": 5', '"score": 9')
    file.write_bytes(FIRST_VERSION_LINE.encode() + bad.encode() + b"\n" + FIRST_VERSION_LINE.encode() + b"\xff\n")

    with pytest.raises(BadRecords) as caught:
        read_first_version_turns(file)

    assert [number for number, _ in caught.value.reasons] == [2, 3, 5]
    assert f"{file}:2: score: " in str(caught.value)
    assert "TIM" not in str(caught.value)


def test_a_second_rating_of_the_same_section_by_the_same_rater_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "ratings.jsonl", a_rating(), a_rating(rater="r2"), a_rating(accuracy=1))

    with pytest.raises(BadRecords, match=r"ratings\.jsonl:3: .*line 1"):
        read_ratings(file)
