"""A prepared film is the one serving would show to the model; what cannot be prepared is listed, a leak refused."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, load_from_disk
from PIL import Image

from serve_app.domain.study import StudyImage
from serve_app.imaging.decode import PreprocessorSettings, decode
from serve_app.imaging.normalize import PREPARATION_VERSION
from serve_app.imaging.preparer import LocalPreparer
from serve_app.reasoning.prompts import PROMPTS
from serve_app.settings import ScreenSettings
from tests.calls import call
from training.data import ReportedStudy, read_studies
from training.data.manifest import Prepared, read_manifest
from training.data.phantom_studies import write_phantoms
from training.data.prepare import in_order, prepare
from training.data.prepared import facts_of, patient_of, pixels_of
from training.data.splits import LeakError, SplitRatios
from training.data.store import FEATURES

Make = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
TOKENS = 9


def rows_of(out: Path) -> list[dict[str, Any]]:
    return [row for split in ("train", "validation", "test") for row in load_from_disk(str(out / split))]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, 12, 5, deep_ratio=0.5, width_px=96, num_processes=1)
    return folder


@pytest.fixture(scope="module")
def out(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared") / "out"
    prepare(source, out, TOKENS, ratios=SplitRatios(0.5, 0.25, 0.25))
    return out


@pytest.fixture(scope="module")
def studies(source: Path) -> dict[str, ReportedStudy]:
    return {study.study_id: study for study in read_studies(source, lambda bad: None)}


async def test_pixels_and_digest_are_those_of_serving(out: Path, studies: dict[str, ReportedStudy]) -> None:
    settings = PreprocessorSettings(max_visual_tokens=TOKENS, screen=ScreenSettings(policy="record"))
    preparer = LocalPreparer(settings)
    rows = rows_of(out)
    assert {row["study_id"] for row in rows} == studies.keys()
    for row in rows:
        served = await preparer.prepare(call(), StudyImage(studies[row["study_id"]].image))
        assert row["digest"] == served.digest
        assert np.array_equal(np.repeat(pixels_of(row)[:, :, None], 3, axis=2), served.pixels)


async def test_a_dark_film_with_wide_borders_is_trained_on_as_it_is_served(
    row: Make, write_parquet: Write, tmp_path: Path
) -> None:
    film = np.random.default_rng(0).integers(0, 60, (200, 180), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.pad(film, 150)).save(file, "PNG")
    prepare(write_parquet([row(image={"bytes": file.getvalue(), "path": None})]), tmp_path / "out", TOKENS)
    (trained,) = rows_of(tmp_path / "out")
    settings = PreprocessorSettings(max_visual_tokens=TOKENS, screen=ScreenSettings(policy="record"))
    served = await LocalPreparer(settings).prepare(call(), StudyImage(file.getvalue()))
    assert len(served.gate.corrections) == 2
    assert trained["digest"] == served.digest


def test_texts_patient_and_facts_come_back(out: Path, studies: dict[str, ReportedStudy]) -> None:
    for row in rows_of(out):
        study = studies[row["study_id"]]
        assert (row["findings"], row["impression"], row["patient_id"]) == (
            study.findings,
            study.impression,
            study.patient_id,
        )
        assert patient_of(row) == study.patient
        assert facts_of(row) == study.facts


def test_every_split_has_the_promised_features(out: Path) -> None:
    for split in ("train", "validation", "test"):
        data = load_from_disk(str(out / split))
        assert isinstance(data, Dataset) and data.features == FEATURES and len(data) > 0


def test_a_patients_studies_stay_together(out: Path) -> None:
    patients = [set(load_from_disk(str(out / split))["patient_id"]) for split in ("train", "validation", "test")]
    assert sum(map(len, patients)) == len(set.union(*patients)) < 12


def test_a_studys_films_stay_together_where_no_patient_is_named(
    row: Make, write_parquet: Write, tmp_path: Path
) -> None:
    films = [row(2 * study + film, study_id=f"s{study}", patient_id=None) for study in range(20) for film in (0, 1)]
    manifest = prepare(
        write_parquet([*films, row(99, study_id="s99", patient_id="p")]),
        tmp_path / "out",
        TOKENS,
        ratios=SplitRatios(0.4, 0.3, 0.3),
    )
    studies = [set(load_from_disk(str(tmp_path / "out" / split))["study_id"]) for split in manifest["splits"]]
    assert all(studies) and sum(map(len, studies)) == 21
    assert manifest["num_studies_without_patient_id"] == 40


def test_the_manifest_counts_and_names_its_sources(out: Path, source: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text())
    [file] = source.iterdir()
    assert manifest["sources"][0]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert manifest["preparation_version"] == PREPARATION_VERSION
    assert (manifest["max_visual_tokens"], manifest["seed"], manifest["split_by"]) == (TOKENS, 0, "patient")
    assert (manifest["num_studies"], manifest["num_bad_rows"]) == (12, 0)
    for split, counts in manifest["splits"].items():
        assert counts["num_studies"] == len(load_from_disk(str(out / split)))


def test_the_manifest_is_read_back_and_another_preparation_refused(out: Path, tmp_path: Path) -> None:
    text = (out / "manifest.json").read_bytes()
    assert read_manifest(out) == Prepared(hashlib.sha256(text).hexdigest(), PREPARATION_VERSION, TOKENS)
    with pytest.raises(ValueError, match=r"has no manifest\.json"):
        read_manifest(tmp_path)
    for told in ({"preparation_version": "clara-prep-0", "max_visual_tokens": 9}, {}):
        (tmp_path / "manifest.json").write_text(json.dumps(told))
        with pytest.raises(ValueError, match=f"was prepared by .*, but serving uses {PREPARATION_VERSION}"):
            read_manifest(tmp_path)


def test_preparing_again_gives_the_same_rows(out: Path, source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "again", TOKENS, ratios=SplitRatios(0.5, 0.25, 0.25), num_workers=1)
    assert rows_of(tmp_path / "again") == rows_of(out)
    assert (tmp_path / "again" / "manifest.json").read_text() == (out / "manifest.json").read_text()


def test_bad_rows_are_listed_and_an_empty_split_is_still_a_data_set(
    row: Make, write_parquet: Write, tmp_path: Path
) -> None:
    cut = {"bytes": row()["image"]["bytes"][:-300], "path": None}
    source = write_parquet([row(1), row(2, image=cut), row(3, findings=""), row(4, Ages=None, sex=None, view=None)])
    manifest = prepare(source, tmp_path / "out", TOKENS, ratios=SplitRatios(1, 0, 0))
    bad = [json.loads(line) for line in (tmp_path / "out" / "bad_rows.jsonl").read_text().splitlines()]
    assert sorted(entry["row"] for entry in bad) == [2, 3]
    assert all(entry.keys() == {"file", "row", "reason"} for entry in bad)
    assert (manifest["num_studies"], manifest["num_bad_rows"]) == (2, 2)
    assert len(load_from_disk(str(tmp_path / "out" / "test"))) == 0
    assert [row["age"] for row in rows_of(tmp_path / "out")] == ["084Y", None]
    assert [row["facts"] for row in rows_of(tmp_path / "out")] == [None, None]


def test_rows_with_an_unreadable_patient_or_view_are_kept_and_counted(
    row: Make, write_parquet: Write, tmp_path: Path
) -> None:
    source = write_parquet([row(1, Ages="?"), row(2, view="?"), row(3, view="!", sex="?"), row(4)])
    manifest = prepare(source, tmp_path / "out", TOKENS, ratios=SplitRatios(1, 0, 0))
    assert (manifest["num_studies"], manifest["num_bad_rows"]) == (4, 0)
    assert manifest["num_unread_cells"] == {"age": 1, "sex": 1, "view": 2}
    assert [row["view"] for row in rows_of(tmp_path / "out")] == ["PA", None, None, "PA"]


def test_an_infants_age_reaches_the_lesson_in_months(row: Make, write_parquet: Write, tmp_path: Path) -> None:
    prepare(write_parquet([row(1, Ages="6 tháng")]), tmp_path / "out", TOKENS, ratios=SplitRatios(1, 0, 0))
    [prepared] = rows_of(tmp_path / "out")
    assert "6 tháng tuổi" in PROMPTS["clara-vi-1"].findings_question(patient_of(prepared))


def test_the_data_sets_own_splits_are_kept(row: Make, write_parquet: Write, tmp_path: Path) -> None:
    for number, name in enumerate(["train-0", "train-1", "val-0", "test-0"]):
        write_parquet([row(number)], f"data/{name}.parquet")
    prepare(tmp_path / "data", tmp_path / "out", TOKENS, split_by="folder")
    ids = {split: load_from_disk(str(tmp_path / "out" / split))["study_id"] for split in ("train", "validation")}
    assert list(ids["train"]) == ["train-0.parquet#1", "train-1.parquet#1"]
    assert list(ids["validation"]) == ["val-0.parquet#1"]


@pytest.mark.parametrize("shared", ["patient", "image"])
def test_a_leak_is_refused_and_nothing_is_left(shared: str, row: Make, write_parquet: Write, tmp_path: Path) -> None:
    write_parquet([row(1, patient_id="p1")], "data/train.parquet")
    is_patient = shared == "patient"
    write_parquet([row(2 if is_patient else 1, patient_id="p1" if is_patient else "p2")], "data/test.parquet")
    with pytest.raises(LeakError, match=f"{shared} .* in train, test"):
        prepare(tmp_path / "data", tmp_path / "out", TOKENS, split_by="folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_an_existing_folder_is_left_alone(row: Make, write_parquet: Write, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError):
        prepare(write_parquet([row()]), tmp_path / "out", TOKENS)


def test_work_is_read_only_a_little_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(50):
            taken.append(item)
            yield item

    with ThreadPoolExecutor(2) as threads:
        doubled = in_order(threads, lambda item: 2 * item, items(), 4)
        assert next(doubled) == 0
        assert taken == [0, 1, 2, 3]
        assert list(doubled) == [2 * item for item in range(1, 50)]


def test_a_prepared_image_keeps_its_size(out: Path, studies: dict[str, ReportedStudy]) -> None:
    for row in rows_of(out):
        height_px, width_px = pixels_of(row).shape
        film = decode(studies[row["study_id"]].image, PreprocessorSettings()).pixels
        assert height_px % 28 == width_px % 28 == 0
        assert (height_px // 28) * (width_px // 28) <= TOKENS
        assert (height_px >= width_px) == (film.shape[0] >= film.shape[1]) or height_px == width_px
