"""Predictions, studies and folders of a run, made by hand."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.predictions import Prediction, PredictionBook, Text
from serve_app.domain.study import Patient
from training.data import ReportedStudy

LEFT = Text("Tràn dịch màng phổi trái.", "Tràn dịch màng phổi trái.")
RIGHT = Text("Tràn dịch màng phổi phải.", "Tràn dịch màng phổi phải.")
NONE = Text("Không tràn dịch màng phổi.", "Tim phổi trong giới hạn bình thường.")

MakeRun = Callable[..., Path]
MakeStudies = Callable[[int], list[ReportedStudy]]


@pytest.fixture
def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def make_studies(png: bytes) -> MakeStudies:
    def make(num: int) -> list[ReportedStudy]:
        texts = [LEFT if index % 2 else NONE for index in range(num)]
        return [
            ReportedStudy(f"s{index}", f"p{index}", png, Patient(), text.findings, text.impression)
            for index, text in enumerate(texts)
        ]

    return make


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Write a folder as `clara evaluate` leaves it; a draft that is None has failed."""

    def make(
        name: str,
        references: Sequence[Text],
        drafts: Sequence[Text | None],
        data: str = "d",
        patients: Sequence[str] | None = None,
    ) -> Path:
        folder = tmp_path / name
        book = PredictionBook(folder, {"model": name, "data_sha256": data})
        for index, (reference, draft) in enumerate(zip(references, drafts, strict=True)):
            code = None if draft is not None else "overloaded"
            patient = patients[index] if patients else f"p{index}"
            book.append(Prediction(f"s{index}", patient, reference, draft, code))
        return folder

    return make
