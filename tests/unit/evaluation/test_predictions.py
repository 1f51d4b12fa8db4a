"""A run's folder can be gone on with after any interruption, and never mixes two runs."""

from pathlib import Path

import pytest

from evaluation.predictions import (
    HEADER,
    PREDICTIONS,
    Prediction,
    PredictionBook,
    Text,
    UnusableFolder,
    read_header,
    read_predictions,
)
from serve_app.domain.facts import Fact, Finding, Side

HEADER_A = {"model": "a", "data_sha256": "1"}
TEXT = Text("Bóng tim to.\nCó hai dòng.", "Tim to.", "complete", "truncated")
DRAFTED = Prediction("s1", "p1", TEXT, TEXT, None, frozenset({Fact(Finding.EFFUSION, side=Side.LEFT)}))
FAILED = Prediction("s2", "p2", TEXT, None, "overloaded")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    book = PredictionBook(tmp_path, HEADER_A)
    for one in (DRAFTED, FAILED):
        book.append(one)

    assert read_predictions(tmp_path) == [DRAFTED, FAILED]
    assert read_header(tmp_path) == HEADER_A


def test_a_study_with_a_draft_is_done_and_a_failed_one_is_not(tmp_path: Path) -> None:
    book = PredictionBook(tmp_path, HEADER_A)
    for one in (DRAFTED, FAILED):
        book.append(one)

    assert PredictionBook(tmp_path, HEADER_A).done == {"s1"}


def test_of_two_tries_the_last_counts(tmp_path: Path) -> None:
    book = PredictionBook(tmp_path, HEADER_A)
    again = Prediction("s2", "p2", TEXT, TEXT)
    for one in (FAILED, DRAFTED, again):
        book.append(one)

    assert read_predictions(tmp_path) == [again, DRAFTED]


@pytest.mark.parametrize("num_bytes", [1, 20, 200])
def test_a_half_written_line_is_dropped_and_written_anew(tmp_path: Path, num_bytes: int) -> None:
    PredictionBook(tmp_path, HEADER_A).append(DRAFTED)
    whole = (tmp_path / PREDICTIONS).read_bytes()
    (tmp_path / PREDICTIONS).write_bytes(whole + whole[:num_bytes])
    assert read_predictions(tmp_path) == [DRAFTED]

    PredictionBook(tmp_path, HEADER_A).append(FAILED)

    assert read_predictions(tmp_path) == [DRAFTED, FAILED]


def test_another_run_is_not_mixed_in(tmp_path: Path) -> None:
    PredictionBook(tmp_path, HEADER_A)
    with pytest.raises(UnusableFolder, match="model differ"):
        PredictionBook(tmp_path, {**HEADER_A, "model": "b"})
    with pytest.raises(UnusableFolder, match="checkpoint_sha256 differ"):
        PredictionBook(tmp_path, {**HEADER_A, "checkpoint_sha256": "2"})


def test_predictions_of_nobody_knows_what_are_not_gone_on_with(tmp_path: Path) -> None:
    PredictionBook(tmp_path, HEADER_A).append(DRAFTED)
    (tmp_path / HEADER).unlink()
    with pytest.raises(UnusableFolder, match="header"):
        PredictionBook(tmp_path, HEADER_A)


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"study_id": "s"}'])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    PredictionBook(tmp_path, HEADER_A).append(DRAFTED)
    with (tmp_path / PREDICTIONS).open("a") as lines:
        lines.write(line + "\n")
    with pytest.raises(UnusableFolder, match="line 2"):
        read_predictions(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_header_is_said_to_be(tmp_path: Path, content: str) -> None:
    (tmp_path / HEADER).write_text(content)
    with pytest.raises(UnusableFolder, match="damaged"):
        read_header(tmp_path)
