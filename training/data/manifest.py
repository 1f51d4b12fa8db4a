"""The manifest of a prepared data set: counts, settings and hashes of the source files. No patient data."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serve_app.imaging.normalize import PREPARATION_VERSION
from training.data.rows import SourceFile
from training.data.splits import Split, StudyKey
from training.data.studies import STAND_INS

MANIFEST = "manifest.json"


def describe(
    files: Sequence[SourceFile],
    keys: Mapping[Split, Sequence[StudyKey]],
    num_bad_rows: int,
    num_unread_cells: Mapping[str, int],
    choices: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the manifest; the same source and settings give the same one.

    `num_unread_cells` counts by field the cells of patient and view that count as unknown.
    """
    return {
        **choices,
        "num_studies": sum(len(studies) for studies in keys.values()),
        "num_bad_rows": num_bad_rows,
        "num_unread_cells": dict(num_unread_cells),
        "num_studies_without_patient_id": sum(
            key.patient_id.startswith(STAND_INS) for studies in keys.values() for key in studies
        ),
        "splits": {
            split.value: {"num_studies": len(studies), "num_patients": len({key.patient_id for key in studies})}
            for split, studies in keys.items()
        },
        "digests_sha256": _of_all(keys),
        "sources": [_source(file) for file in files],
    }


@dataclass(frozen=True, slots=True)
class Prepared:
    """What training needs from a manifest; `manifest_sha256` identifies the data set."""

    manifest_sha256: str
    preparation_version: str
    max_visual_tokens: int


def read_manifest(data: Path) -> Prepared:
    """Read the manifest of a prepared data set.

    Raises:
        ValueError: there is no manifest, or serving prepares images with another version.
    """
    path = data / MANIFEST
    if not path.exists():
        raise ValueError(f"{data} has no {MANIFEST}: create it with training.data.prepare")
    text = path.read_bytes()
    told = json.loads(text)
    version = told.get("preparation_version")
    if version != PREPARATION_VERSION:
        raise ValueError(
            f"{data} was prepared by {version or 'no named version'}, but serving uses {PREPARATION_VERSION}"
        )
    return Prepared(hashlib.sha256(text).hexdigest(), version, told["max_visual_tokens"])


def _of_all(keys: Mapping[Split, Sequence[StudyKey]]) -> str:
    """Hash all prepared images: they may be files outside the tables, which have hashes of their own."""
    lines = (f"{split} {key.study_id} {key.digest}\n" for split, studies in keys.items() for key in studies)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _source(file: SourceFile) -> dict[str, Any]:
    with file.path.open("rb") as data:
        sha256 = hashlib.file_digest(data, "sha256").hexdigest()
    return {"file": file.name, "sha256": sha256, "size_bytes": file.path.stat().st_size}
