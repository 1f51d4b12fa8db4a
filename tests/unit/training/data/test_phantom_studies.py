"""Drawn studies: the same seed gives the same bytes, and the facts say what the film and its report say."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from serve_app.domain.facts import Polarity
from serve_app.facts import extract
from serve_app.imaging.decode import PreprocessorSettings, decode
from training.data import BadRow, ReportedStudy, read_studies
from training.data.phantom_studies import write_phantoms

NUM_STUDIES = 30


def studies_of(folder: Path) -> list[ReportedStudy]:
    bad_rows: list[BadRow] = []
    studies = list(read_studies(folder, bad_rows.append))
    assert bad_rows == []
    return studies


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, NUM_STUDIES, 1, width_px=96, num_rows_a_shard=10, num_processes=1)
    return folder


@pytest.fixture(scope="module")
def studies(folder: Path) -> list[ReportedStudy]:
    return studies_of(folder)


def test_the_same_seed_writes_the_same_bytes_whatever_the_processes(folder: Path, tmp_path: Path) -> None:
    write_phantoms(tmp_path, NUM_STUDIES, 1, width_px=96, num_rows_a_shard=10, num_processes=2)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir()) and len(names) == 3
    assert all((folder / name).read_bytes() == (tmp_path / name).read_bytes() for name in names)


def test_more_studies_of_a_seed_begin_with_the_same_ones(studies: list[ReportedStudy], tmp_path: Path) -> None:
    write_phantoms(tmp_path, 4, 1, width_px=96, num_processes=1)
    assert studies_of(tmp_path) == studies[:4]


def test_another_seed_draws_other_patients_and_films(studies: list[ReportedStudy], tmp_path: Path) -> None:
    write_phantoms(tmp_path, 4, 2, width_px=96, num_processes=1)
    others = studies_of(tmp_path)
    assert not {study.image for study in others} & {study.image for study in studies}
    assert not {study.patient_id for study in others} & {study.patient_id for study in studies}


def test_every_study_is_there_once(studies: list[ReportedStudy]) -> None:
    assert len(studies) == len({study.study_id for study in studies}) == NUM_STUDIES
    assert len({study.image for study in studies}) == NUM_STUDIES


def test_some_patients_have_two_studies(studies: list[ReportedStudy]) -> None:
    visits = Counter(study.patient_id for study in studies)
    assert set(visits.values()) == {1, 2}


def test_each_field_of_the_patient_is_told_in_some_studies_and_missing_in_others(
    studies: list[ReportedStudy],
) -> None:
    for values in (
        {study.patient.sex for study in studies},
        {study.patient.age for study in studies},
        {study.view for study in studies},
    ):
        assert None in values and len(values) > 1


def test_the_facts_say_what_both_sections_say(studies: list[ReportedStudy]) -> None:
    for study in studies:
        for text in (study.findings, study.impression):
            assert {fact for fact in extract(text) if fact.polarity is Polarity.PRESENT} == study.facts


def test_a_report_keeps_one_manner_through_both_sections(studies: list[ReportedStudy]) -> None:
    assert {study.findings.isupper() for study in studies} == {True, False}
    assert all(study.findings.isupper() == study.impression.isupper() for study in studies)


def test_a_share_of_the_files_has_16_bits(studies: list[ReportedStudy]) -> None:
    assert {study.image[24] for study in studies} == {8, 16}


def test_serving_shows_a_16_bit_file_as_its_8_bit_twin(tmp_path: Path) -> None:
    films = []
    for deep_ratio in (0.0, 1.0):
        folder = tmp_path / str(deep_ratio)
        write_phantoms(folder, 2, 3, deep_ratio=deep_ratio, width_px=96, num_processes=1)
        films.append([decode(study.image, PreprocessorSettings()).pixels.astype(int) for study in studies_of(folder)])
    for flat, deep in zip(*films, strict=True):
        assert flat.shape == deep.shape and np.abs(flat - deep).max() <= 1


def test_the_columns_are_those_of_vixray(folder: Path) -> None:
    names = pq.read_schema(next(folder.glob("*.parquet"))).names
    assert {"image", "findings", "impressions", "Ages", "sex", "view", "Ghi chú", "Kỹ thuật"} < set(names)


def test_a_folder_with_tables_is_left_alone(folder: Path) -> None:
    with pytest.raises(FileExistsError):
        write_phantoms(folder, 1, 1, num_processes=1)
