"""Pictures that the gate is measured on and never trained on: other hospitals' films, laterals, CT slices, panoramas.

Source: Cohen JP et al., COVID-19 Image Data Collection, github.com/ieee8023/covid-chestxray-dataset; most of its images
may not be used commercially. Panoramas: a folder of pictures. None of these files is kept here.
"""

import csv
import hashlib
from pathlib import Path

from serve_app.imaging.picture import Picture
from training.gate.pictures import read_picture

_VIEWS = {
    "L": "laterals",
    "PA": "frontals",
    "AP": "frontals",
    "AP Supine": "frontals",
    "AP Erect": "frontals",
    "Axial": "axial CT",
    "Coronal": "coronal CT",
}
# The collection has copies of the films that the gate is trained on, and others of that hospital.
_TRAINED_ON = "hannover"
HALVES = ("looked at", "kept back")


def half(name: str) -> str:
    """Deal patients into two halves by a digest: what a network was chosen on, and what only the last one judges."""
    return HALVES[hashlib.sha256(name.encode()).digest()[0] % 2]


def load_collection(folder: Path) -> dict[str, list[Picture]]:
    """Read the pictures at hand of known view, by view and half, in the order of metadata.csv."""
    sets: dict[str, list[Picture]] = {}
    with (folder / "metadata.csv").open(encoding="utf-8") as file:
        rows = {row["filename"]: row for row in csv.DictReader(file) if _is_wanted(row)}
    for row in rows.values():
        path = folder / "images" / row["filename"]
        if path.is_file():
            sets.setdefault(f"{_VIEWS[row['view']]}, {half(row['patientid'])}", []).append(read_picture(path))
    return dict(sorted(sets.items()))


def load_panoramas(folder: Path) -> dict[str, list[Picture]]:
    """Read a folder of dental panoramas by half; each picture is of another patient."""
    sets: dict[str, list[Picture]] = {f"dental panoramas, {name}": [] for name in HALVES}
    for path in sorted(folder.iterdir()):
        sets[f"dental panoramas, {half(path.name)}"].append(read_picture(path))
    return sets


def _is_wanted(row: dict[str, str]) -> bool:
    is_slice = row["view"] in ("Axial", "Coronal")
    return (
        row["view"] in _VIEWS and is_slice == (row["modality"] == "CT") and _TRAINED_ON not in row["location"].lower()
    )
