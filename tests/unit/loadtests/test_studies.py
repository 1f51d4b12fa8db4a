"""The load is made of different chest films with valid patients, the same for one seed."""

import io

from PIL import Image

from loadtests.studies import Studies, Study
from serve_app.domain.study import parse_patient


def take(num: int, seed: int = 1, num_films: int = 2) -> list[Study]:
    studies = Studies(seed, num_films=num_films)
    return [studies.next() for _ in range(num)]


def test_no_two_films_are_equal() -> None:
    assert len({study.image for study in take(12)}) == 12


def test_a_film_that_went_across_goes_down_too() -> None:
    assert len({study.image for study in take(60, num_films=1)}) == 60


def test_one_seed_makes_one_load() -> None:
    assert take(4) == take(4)
    assert take(4) != take(4, seed=2)


def test_every_study_is_a_film_with_a_valid_patient() -> None:
    for study in take(6):
        image = Image.open(io.BytesIO(study.image))
        assert (image.format, image.mode) == ("PNG", "L")
        assert parse_patient(study.fields.get("sex"), study.fields.get("age")).age_years is not None
