"""Each kind of error changes the draft that it is planted in, and a check names it."""

import numpy as np
import pytest

from evaluation.planted.errors import KINDS, Draft, right_draft
from evaluation.planted.run import check, planted, right, summarise
from serve_app.domain.facts import Fact
from training.phantoms import sample


def planted_drafts(kind: str, num: int) -> list[tuple[Draft, Draft]]:
    drafts = []
    for seed in range(1000):
        facts: frozenset[Fact] = frozenset(sample(np.random.default_rng(seed)).facts)
        draft = KINDS[kind].plant(facts, seed, np.random.default_rng(seed))
        if draft is not None:
            drafts.append((right_draft(facts, seed), draft))
        if len(drafts) == num:
            break
    return drafts


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_one_and_most_are_named(kind: str) -> None:
    drafts = planted_drafts(kind, 20)

    assert len(drafts) == 20
    assert all(wrong != right for right, wrong in drafts)
    named = [bool({concern.code for concern in check(wrong)} & KINDS[kind].fitting) for _, wrong in drafts]
    assert np.mean(named) >= 0.7


def test_the_table_counts_every_draft_once_and_knows_right_ones() -> None:
    table = summarise(list(planted(22, 1)), list(right(10, 1)))

    assert table["planted"]["num"] == sum(row["num"] for row in table["by_kind"].values()) == 22
    assert all(row["num"] == 2 for row in table["by_kind"].values())
    assert table["right"]["num"] == 10
