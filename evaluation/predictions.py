"""A run's folder: a header with the run's settings, and one line per study, appended when it is done.

The lines contain report texts: the folder is as confidential as the data.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from serve_app.domain.facts import Fact
from training.data.fact_json import read_facts, write_facts

HEADER = "header.json"
PREDICTIONS = "predictions.jsonl"


class UnusableFolder(Exception):
    """A run's folder cannot be read or resumed; the message states why."""


@dataclass(frozen=True, slots=True)
class Text:
    """Both sections of a report. The statuses are those of a draft's sections; None for a reader's report."""

    findings: str
    impression: str
    findings_status: str | None = None
    impression_status: str | None = None

    @property
    def whole(self) -> str:
        return f"{self.findings}\n{self.impression}"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The result of one study: a draft, or the error's code. `truth` is known only for drawn films."""

    study_id: str
    patient_id: str
    reference: Text
    draft: Text | None
    error_code: str | None = None
    truth: frozenset[Fact] | None = None


class PredictionBook:
    """Appends predictions to a folder, each on disk before the next, and knows which studies have a draft.

    Raises:
        UnusableFolder: the folder has a run of another model or other data, or is damaged.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / PREDICTIONS
        _require_same_run(folder / HEADER, header, has_predictions=self._file.exists())
        _drop_half_line(self._file)
        self.done = frozenset(one.study_id for one in read_predictions(folder) if one.draft is not None)

    def append(self, prediction: Prediction) -> None:
        """Write one line and wait until it is on disk."""
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(_line(prediction) + "\n")
            lines.flush()
            os.fsync(lines.fileno())


def read_header(folder: Path) -> dict[str, Any]:
    """Read the header of a run.

    Raises:
        UnusableFolder: there is no readable header.
    """
    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UnusableFolder(f"{folder} has no run: {HEADER} is missing") from None
    except ValueError:
        raise UnusableFolder(f"{folder / HEADER} is damaged") from None
    if not isinstance(header, dict):
        raise UnusableFolder(f"{folder / HEADER} is damaged")
    return header


def read_predictions(folder: Path) -> list[Prediction]:
    """Read the predictions of a run's folder; see `read_prediction_file`. A folder without any has none."""
    file = folder / PREDICTIONS
    return read_prediction_file(file) if file.exists() else []


def read_prediction_file(file: Path) -> list[Prediction]:
    """Read the last prediction of every study; a failed study may have been retried.

    Skips an unfinished last line, which an interrupted run leaves.

    Raises:
        UnusableFolder: a complete line cannot be read. FileNotFoundError: the file is missing.
    """
    *lines, _ = file.read_bytes().split(b"\n")
    return _last_of_each(_prediction(line, f"{file}, line {number}") for number, line in enumerate(lines, start=1))


def _last_of_each(predictions: Iterable[Prediction]) -> list[Prediction]:
    return list({one.study_id: one for one in predictions}.values())


def _require_same_run(file: Path, header: Mapping[str, Any], *, has_predictions: bool) -> None:
    if not file.exists():
        if has_predictions:
            raise UnusableFolder(f"{file.parent} has predictions of an unknown run: {HEADER} is missing")
        file.write_text(json.dumps(header, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        return
    recorded = read_header(file.parent)
    differing = sorted(name for name in recorded.keys() | header.keys() if recorded.get(name) != header.get(name))
    if differing:
        raise UnusableFolder(f"{file.parent} has another run ({', '.join(differing)} differ): use another folder")


def _drop_half_line(file: Path) -> None:
    if not file.exists():
        return
    with file.open("r+b") as lines:
        lines.truncate(lines.read().rfind(b"\n") + 1)


def _line(prediction: Prediction) -> str:
    values = {
        "study_id": prediction.study_id,
        "patient_id": prediction.patient_id,
        "reference": asdict(prediction.reference),
        "draft": None if prediction.draft is None else asdict(prediction.draft),
        "error_code": prediction.error_code,
        "truth": None if prediction.truth is None else json.loads(write_facts(prediction.truth)),
    }
    return json.dumps(values, ensure_ascii=False)


def _prediction(line: bytes, place: str) -> Prediction:
    try:
        values = json.loads(line)
        return Prediction(
            study_id=values["study_id"],
            patient_id=values["patient_id"],
            reference=Text(**values["reference"]),
            draft=None if values["draft"] is None else Text(**values["draft"]),
            error_code=values["error_code"],
            truth=None if values["truth"] is None else read_facts(values["truth"]),
        )
    except (ValueError, KeyError, TypeError):
        raise UnusableFolder(f"{place}: the line is damaged") from None
