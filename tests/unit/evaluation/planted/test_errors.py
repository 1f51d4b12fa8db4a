"""Each kind of error changes the draft that it is planted in, in one section, and a check names it."""

import numpy as np
import pytest

from evaluation.planted.errors import KINDS, Draft, Film
from evaluation.planted.score import check
from evaluation.planted.wordings import HELD_OUT, TUNING
from serve_app.domain.report import SectionName
from training.phantoms import sample


def planted_drafts(kind: str, num: int) -> list[tuple[Draft, Draft]]:
    drafts = []
    for seed in range(1000):
        film = Film(frozenset(sample(np.random.default_rng(seed)).facts), seed, np.random.default_rng(seed))
        draft = KINDS[kind].plant(film)
        if draft is not None:
            drafts.append((film.right, draft))
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


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_leaves_the_other_section_alone(kind: str) -> None:
    for right, wrong in planted_drafts(kind, 10):
        assert sum(right.text(name) != wrong.text(name) for name in SectionName) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_plants_the_same_error(kind: str) -> None:
    assert planted_drafts(kind, 3) == planted_drafts(kind, 3)


@pytest.mark.parametrize("pool", ["negations", "comparisons", "afterthoughts", "no_reports"])
def test_no_held_out_wording_was_tuned_on(pool: str) -> None:
    assert not set(getattr(TUNING, pool)) & set(getattr(HELD_OUT, pool))
