"""The Hannover films, split by patient, with the patients of the published samples left out.

Source: Winther HB et al., COVID-19 Image Repository, doi:10.6084/m9.figshare.12275009, CC BY 3.0.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Films are stored at twice the thumbnail's size: enough for every augmentation, small enough for memory.
WORKING_PX = 192
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
_PATIENT = re.compile(r"patient ([0-9a-f]{8})")
_IMAGE = re.compile(r"hannover_([0-9a-f]{8})_")


@dataclass(frozen=True, slots=True)
class PatientFilm:
    """One real film: uint8 grey of shape (height, width), its longer side `WORKING_PX`."""

    image_id: str
    patient_id: str
    projection: str
    pixels: NDArray[np.uint8]


def shrink(image: Image.Image) -> NDArray[np.uint8]:
    """Convert a picture to grey and scale it to working size, keeping its aspect ratio."""
    scale = WORKING_PX / max(image.size)
    size = (max(8, round(image.width * scale)), max(8, round(image.height * scale)))
    return np.array(image.convert("L").resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))


def sample_patients(samples: Path, films: Path) -> frozenset[str]:
    """List every patient with a film among the samples, by the manifest's notes and by image id."""
    with (films / "images.csv").open(encoding="utf-8") as file:
        patient_of = {row["image_id"]: row["patient_id"] for row in csv.DictReader(file)}
    manifest = (samples / "manifest.csv").read_text(encoding="utf-8")
    by_image = {patient_of[image_id] for image_id in _IMAGE.findall(manifest) if image_id in patient_of}
    return frozenset(by_image | set(_PATIENT.findall(manifest)))


def load_films(folder: Path, without: frozenset[str]) -> list[PatientFilm]:
    """Read the films of all patients except `without`, in the order of images.csv."""
    with (folder / "images.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["patient_id"] not in without]
    return [
        PatientFilm(
            row["image_id"], row["patient_id"], row["projection"], _read(folder / "png" / f"{row['image_id']}.png")
        )
        for row in rows
    ]


def split(films: list[PatientFilm], rng: np.random.Generator) -> dict[str, list[PatientFilm]]:
    """Split the patients into train, validation and test, stratified by whether they have a PA film."""
    with_pa = {film.patient_id for film in films if film.projection == "pa"}
    part_of: dict[str, str] = {}
    for group in (with_pa, {film.patient_id for film in films} - with_pa):
        patients = [str(patient) for patient in rng.permutation(sorted(group))]
        ends = np.rint(np.cumsum(list(SHARES.values())) * len(patients)).astype(int)
        for index, patient in enumerate(patients):
            part_of[patient] = list(SHARES)[int(np.searchsorted(ends, index, side="right"))]
    return {part: [film for film in films if part_of[film.patient_id] == part] for part in SHARES}


def _read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return shrink(image)
