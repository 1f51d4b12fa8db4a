"""The eye's films: what is told of a film and of its visual tokens is what was drawn there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serve_app.domain.facts import Finding, Side
from serve_app.domain.radiograph import PATCH_UNIT_PX
from training.demo.films import KINDS, Films, load_films

NUM_FILMS, BUDGET = 24, 64


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Films]:
    return load_films(tmp_path_factory.mktemp("films"), 5, NUM_FILMS, BUDGET, num_processes=1)


def test_a_group_has_one_grid_within_the_budget(films: list[Films]) -> None:
    assert sum(len(group.grey) for group in films) == NUM_FILMS
    for group in films:
        tokens = group.grey.shape[1] * group.grey.shape[2] // PATCH_UNIT_PX**2
        assert tokens <= BUDGET
        assert group.places.shape == (len(group.grey), tokens, len(KINDS))


def test_what_is_in_some_token_is_what_the_film_shows(films: list[Films]) -> None:
    for group in films:
        assert np.array_equal(group.places.any(axis=1), group.truth)
        assert group.truth.sum() > len(group.grey)


def test_the_patients_right_is_on_the_images_left(films: list[Films]) -> None:
    at = KINDS.index(next(kind for kind in KINDS if (kind.finding, kind.side) == (Finding.CHEST_TUBE, Side.RIGHT)))
    num_seen = 0
    for group in films:
        columns = group.grey.shape[2] // PATCH_UNIT_PX
        for places in group.places[group.truth[:, at], :, at]:
            assert (np.flatnonzero(places) % columns).mean() < (columns - 1) / 2
            num_seen += 1
    assert num_seen


def test_kinds_leave_the_place_to_the_token() -> None:
    assert len(set(KINDS)) == len(KINDS)
    assert all(kind.location is None for kind in KINDS)


def test_films_are_drawn_once_and_by_any_number_of_processes(films: list[Films], tmp_path: Path) -> None:
    two = load_films(tmp_path, 5, NUM_FILMS, BUDGET, num_processes=2)
    again = load_films(tmp_path, 5, NUM_FILMS, BUDGET, num_processes=0)
    for one, other, third in zip(films, two, again, strict=True):
        assert np.array_equal(one.grey, other.grey) and np.array_equal(one.places, third.places)


def test_another_seed_draws_other_films(films: list[Films], tmp_path: Path) -> None:
    others = load_films(tmp_path, 6, 4, BUDGET, num_processes=1)
    seen = {film.tobytes() for group in films for film in group.grey}
    assert not seen & {film.tobytes() for group in others for film in group.grey}


def test_a_kind_has_the_severity_of_its_fact() -> None:
    severities = {kind.severity for kind in KINDS if replace(kind, severity=None).finding is Finding.EFFUSION}
    assert len(severities) == 3
