"""Patients are dealt as a whole, and the samples' patients are left out."""

import csv
from pathlib import Path

import numpy as np
import pytest

from training.gate.films import PatientFilm, load_films, sample_patients, split

EMPTY = np.zeros((8, 8), np.uint8)


def films(num_patients: int) -> list[PatientFilm]:
    return [
        PatientFilm(f"{patient}-{i}", str(patient), "pa" if patient % 3 == 0 else "ap", EMPTY)
        for patient in range(num_patients)
        for i in range(1 + patient % 4)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_no_patient_is_in_two_parts_and_none_is_lost(seed: int) -> None:
    parts = split(films(31), np.random.default_rng(seed))
    patients = {part: {film.patient_id for film in chosen} for part, chosen in parts.items()}
    assert sum(len(chosen) for chosen in patients.values()) == 31
    assert len(set.union(*patients.values())) == 31
    assert all(patients.values())


def test_the_split_depends_on_the_seed_alone() -> None:
    once, again = (split(films(31), np.random.default_rng(3)) for _ in range(2))
    assert once == again


def test_the_samples_patients_are_left_out_of_the_real_films(shared_data: Path) -> None:
    folder = shared_data / "hannover_cxr"
    left_out = sample_patients(shared_data / "cxr_samples", folder)
    kept = load_films(folder, left_out)
    with (folder / "images.csv").open(encoding="utf-8") as file:
        patient_of = {row["image_id"]: row["patient_id"] for row in csv.DictReader(file)}
    sampled = {path.name.split("_")[1] for path in (shared_data / "cxr_samples" / "positive").glob("hannover_*")}
    assert {patient_of[image] for image in sampled} <= left_out
    assert not {film.patient_id for film in kept} & left_out
    assert len(kept) == sum(patient not in left_out for patient in patient_of.values())
