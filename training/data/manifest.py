"""What a prepared data set was made of: counts, choices and the source files' hashes; never a patient."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.data.rows import SourceFile
from training.data.splits import Split, StudyKey
from training.data.studies import STAND_INS

MANIFEST = "manifest.json"


def describe(
    files: Sequence[SourceFile],
    keys: Mapping[Split, Sequence[StudyKey]],
    num_bad_rows: int,
    choices: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the manifest; the same source and choices give the same one."""
    return {
        **choices,
        "num_studies": sum(len(studies) for studies in keys.values()),
        "num_bad_rows": num_bad_rows,
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


def manifest_sha256(data: Path) -> str | None:
    """Name a prepared data set by its manifest; None where it has none."""
    path = data / MANIFEST
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def _of_all(keys: Mapping[Split, Sequence[StudyKey]]) -> str:
    """Name the prepared images together: they may lie outside the tables whose hashes stand below."""
    lines = (f"{split} {key.study_id} {key.digest}\n" for split, studies in keys.items() for key in studies)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _source(file: SourceFile) -> dict[str, Any]:
    with file.path.open("rb") as data:
        sha256 = hashlib.file_digest(data, "sha256").hexdigest()
    return {"file": file.name, "sha256": sha256, "size_bytes": file.path.stat().st_size}
