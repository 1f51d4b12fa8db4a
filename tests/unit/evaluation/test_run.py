"""A whole evaluation over made-up studies: counted, resumable, honest about what failed."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from rich.progress import Progress

from evaluation.drafters import DrafterCard, DrafterGone, DraftFailed
from evaluation.predictions import PREDICTIONS, Text, UnusableFolder, read_predictions
from evaluation.result import NothingToScore
from evaluation.run import StudyReader, run, sha256_of_studies
from serve_app.domain.study import Patient, View
from training.data import BadRow, ReportedStudy

NORMAL = Text("Không tràn dịch màng phổi.", "Tim phổi trong giới hạn bình thường.", "complete", "complete")


class FakeDrafter:
    """Answers with one text; `failing` are the numbers of the calls that fail, `gone_after` ends the run."""

    def __init__(self, model: str = "fake", failing: tuple[int, ...] = (), gone_after: int | None = None) -> None:
        self.model = model
        self.failing = failing
        self.gone_after = gone_after
        self.num_calls = 0

    async def describe(self) -> DrafterCard:
        return DrafterCard(self.model, "fake", "1", "clara-vi-1")

    async def draft(self, image: bytes, patient: Patient, view: View | None = None) -> Text:
        self.num_calls += 1
        if self.gone_after is not None and self.num_calls > self.gone_after:
            raise DrafterGone("the engine died")
        if self.num_calls in self.failing:
            raise DraftFailed("overloaded")
        return NORMAL


@pytest.fixture
def source(tmp_path: Path, make_studies: Any) -> Path:
    """Write six studies of six patients; the second, fourth and sixth have an effusion."""
    rows = [
        {
            "image": {"bytes": study.image, "path": None},
            "findings": study.findings,
            "impressions": study.impression,
            "study_id": study.study_id,
            "patient_id": study.patient_id,
        }
        for study in make_studies(6)
    ]
    path = tmp_path / "studies.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


async def go(
    source: Path, drafter: FakeDrafter, folder: Path, limit: int | None = None, **options: Any
) -> dict[str, Any]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[FakeDrafter]:
        yield drafter

    silent = Progress(console=Console(quiet=True))
    reader = StudyReader(source, limit, **options)
    return await run(reader, opened, folder, {"dtype": "float32"}, concurrency=2, progress=silent)


async def test_a_result_says_how_it_came_about(source: Path, tmp_path: Path) -> None:
    result = await go(source, FakeDrafter(), tmp_path / "out")

    assert json.loads((tmp_path / "out" / "result.json").read_text()) == result
    assert (result["model"], result["prompt_version"], result["dtype"]) == ("fake", "clara-vi-1", "float32")
    assert result["data_sha256"] == sha256_of_studies(source)
    assert result["counts"]["num_studies"] == result["counts"]["num_patients"] == 6
    assert "tok:clara-syllable" in result["bleu_signature"]
    assert result["date"] and result["commit"]


def test_data_are_named_by_what_is_read_also_where_the_images_lie_elsewhere(tmp_path: Path, png: bytes) -> None:
    def named(name: str, image: bytes, findings: str = "Tim to.") -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "film.png").write_bytes(image)
        row = {"image": "film.png", "findings": findings, "impressions": "Tim to.", "study_id": "s", "patient_id": "p"}
        (folder / "studies.jsonl").write_text(json.dumps(row))
        return sha256_of_studies(folder)

    first = named("first", png)
    assert named("copy", png) == first
    assert named("other film", png + b"x") != first
    assert named("other words", png, "Tim không to.") != first


async def test_figures_are_of_drafts_against_references(source: Path, tmp_path: Path) -> None:
    result = await go(source, FakeDrafter(), tmp_path / "out")

    # Three reports tell a left effusion, and the draft denies it; the three others agree.
    assert result["scores"]["fact_f1_side"]["value"] == 0
    assert result["fact_macro_f1_side"] == pytest.approx(0.5)
    assert result["scores"]["contradicted_report_ratio"]["value"] == pytest.approx(0.5)
    assert result["by_finding"]["effusion"]["num_true"] == 3
    # "Heart and lungs are normal" denies the effusion that the reader's impression names.
    assert result["sections"]["impression"]["contradicted_report_ratio"]["value"] == pytest.approx(0.5)
    assert result["scores"]["false_reassurance_ratio"]["value"] == 1


async def test_baselines_stand_beside(source: Path, tmp_path: Path) -> None:
    result = await go(source, FakeDrafter(), tmp_path / "out")
    assert result["baselines"]["always_normal"]["fact_recall_side"]["value"] == 0
    assert set(result["baselines"]["another_patient"]) == set(result["scores"])


async def test_a_failed_study_is_counted_by_its_code_and_not_scored(source: Path, tmp_path: Path) -> None:
    result = await go(source, FakeDrafter(failing=(2, 4)), tmp_path / "out")

    assert result["counts"]["failed"] == {"overloaded": 2}
    assert result["counts"]["num_drafts"] == 4
    assert result["counts"]["failed_ratio"] == pytest.approx(1 / 3)


async def test_a_run_goes_on_where_it_was_cut_off(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DrafterGone, match="died"):
        await go(source, FakeDrafter(gone_after=3), tmp_path / "out")
    assert len(read_predictions(tmp_path / "out")) == 3
    with (tmp_path / "out" / PREDICTIONS).open("a") as lines:
        lines.write('{"study_id": "s3", "pat')

    second = FakeDrafter()
    result = await go(source, second, tmp_path / "out")

    assert second.num_calls == 3
    assert result["counts"]["num_drafts"] == 6


async def test_a_second_run_asks_only_for_what_failed(source: Path, tmp_path: Path) -> None:
    first = await go(source, FakeDrafter(failing=(2,)), tmp_path / "out")
    again = FakeDrafter()
    second = await go(source, again, tmp_path / "out")

    assert first["counts"]["num_drafts"] == 5 and second["counts"]["num_drafts"] == 6
    assert again.num_calls == 1


async def test_a_smaller_limit_scores_only_its_studies(source: Path, tmp_path: Path) -> None:
    await go(source, FakeDrafter(), tmp_path / "out")
    assert (await go(source, FakeDrafter(), tmp_path / "out", limit=2))["counts"]["num_studies"] == 2


async def test_another_model_or_other_data_need_another_folder(source: Path, tmp_path: Path) -> None:
    await go(source, FakeDrafter(), tmp_path / "out", limit=1)
    with pytest.raises(UnusableFolder, match="model differ"):
        await go(source, FakeDrafter(model="other"), tmp_path / "out", limit=1)
    more = pq.read_table(source).slice(0, 3)
    pq.write_table(more, source)
    with pytest.raises(UnusableFolder, match="data_sha256 differ"):
        await go(source, FakeDrafter(), tmp_path / "out", limit=1)


async def test_bad_rows_and_repeated_ids_are_counted(source: Path, tmp_path: Path, make_studies: Any) -> None:
    def read(path: Path, on_bad_row: Callable[[BadRow], None]) -> Iterator[ReportedStudy]:
        on_bad_row(BadRow("studies.parquet", 1, "image is missing"))
        yield from make_studies(3)
        yield from make_studies(1)

    counts = (await go(source, FakeDrafter(), tmp_path / "out", read=read))["counts"]

    assert counts["num_studies"] == 3
    assert counts["bad_rows"] == {"image is missing": 1, "an earlier row has the same study id": 1}


async def test_a_run_without_any_draft_has_no_result(source: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingToScore, match="'overloaded': 2"):
        await go(source, FakeDrafter(failing=(1, 2)), tmp_path / "out", limit=2)
    assert not (tmp_path / "out" / "result.json").exists()


async def test_an_error_of_the_reader_is_the_runs(source: Path, tmp_path: Path) -> None:
    def read(path: Path, on_bad_row: Callable[[BadRow], None]) -> Iterator[ReportedStudy]:
        raise ValueError("unknown column")
        yield

    with pytest.raises(ValueError, match="unknown column"):
        await go(source, FakeDrafter(), tmp_path / "out", read=read)
