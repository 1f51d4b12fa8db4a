"""The table of planted errors counts each draft once, and an interval is honest about what was never seen."""

import pytest

from evaluation.planted.score import planted, right, summarise
from evaluation.planted.wordings import TUNING


def test_the_table_counts_every_draft_once_and_knows_right_ones() -> None:
    table = summarise(list(planted(28, 1, TUNING)), list(right(10, 1)))

    assert table["planted"]["num"] == sum(row["num"] for row in table["by_kind"].values()) == 28
    assert all(row["num"] == 2 for row in table["by_kind"].values())
    assert table["right"]["num"] == 10


def test_no_alarm_in_ten_drafts_is_no_proof_that_there_never_is_one() -> None:
    alarmed = summarise(list(planted(14, 1, TUNING)), list(right(10, 1)))["right"]["alarmed"]

    assert alarmed["value"] == alarmed["low"] == 0 and alarmed["high"] == pytest.approx(0.3085, abs=1e-4)
