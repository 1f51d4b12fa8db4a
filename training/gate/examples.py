"""Generates labelled thumbnails: real and drawn films against everything else."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import IterableDataset, get_worker_info

from serve_app.imaging.screen import CLASSES, thumbnail
from training.gate.augment import detail, make_non_chest, make_unusual, vary, whiten
from training.gate.bodies import BODIES
from training.gate.films import PatientFilm, shrink
from training.gate.laterals import lateral_chest
from training.gate.pages import PAGES
from training.gate.panoramas import panorama
from training.gate.scans import SCANS, coronal_slice
from training.gate.volumes import Scan
from training.phantoms import draw, sample

Picture = NDArray[np.uint8]
FRONTAL, UNUSUAL, LATERAL, NONE = range(len(CLASSES))
DRAWN = BODIES | SCANS | PAGES
# Kinds of drawing that are held back from training, to measure the verdicts on unknown pictures.
VALIDATION_DRAWN = frozenset({"pelvis", "hand", "head-slice", "landscape", "chart"})
_SHARES = {FRONTAL: 0.34, UNUSUAL: 0.16, LATERAL: 0.12, NONE: 0.38}


@dataclass(frozen=True, slots=True)
class Stock:
    """The pictures from which examples are made, all uint8 grey of working size.

    `frontals` are drawn or projected; `slices` look like chest films and are shown whole.
    """

    films: dict[str, list[PatientFilm]]
    frontals: list[Picture]
    laterals: list[Picture]
    slices: list[Picture]
    drawings: list[Picture]
    photographs: list[Picture]


def stock(
    films: Iterable[PatientFilm],
    photographs: Iterable[Picture],
    kinds: Iterable[str],
    num_each: int,
    rng: np.random.Generator,
    scan: Scan | None = None,
) -> Stock:
    """Draw what is drawn, project and slice the scan if there is one, and group the films by patient."""
    by_patient: dict[str, list[PatientFilm]] = {}
    for film in films:
        by_patient.setdefault(film.patient_id, []).append(film)
    drawn = Stock(
        by_patient,
        phantoms(8 * num_each, rng),
        [lateral_chest(rng) for _ in range(4 * num_each)],
        [draw(rng) for draw in (coronal_slice, panorama, panorama) for _ in range(3 * num_each)],
        [DRAWN[kind](rng) for kind in sorted(kinds) for _ in range(num_each)],
        list(photographs),
    )
    return _with_scan(drawn, scan, num_each, rng) if scan else drawn


def _with_scan(drawn: Stock, scan: Scan, num_each: int, rng: np.random.Generator) -> Stock:
    planes = (*4 * [scan.coronal], scan.sagittal, scan.axial)
    return replace(
        drawn,
        frontals=drawn.frontals + [scan.frontal(rng) for _ in range(2 * num_each)],
        laterals=drawn.laterals + [scan.lateral(rng) for _ in range(5 * num_each)],
        slices=drawn.slices + [cut(rng) for cut in planes for _ in range(num_each)],
    )


def phantoms(number: int, rng: np.random.Generator) -> list[Picture]:
    """Draw chest films at working size."""
    return [shrink(Image.fromarray(draw(sample(rng)))) for _ in range(number)]


class Examples(IterableDataset[tuple[NDArray[np.float32], int]]):
    """`length` augmented thumbnails of shape (1, 96, 96) with their class, divided among the loader's workers."""

    def __init__(self, source: Stock, length: int, seed: int) -> None:
        self._source, self._length, self._seed = source, length, seed

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], int]]:
        worker = get_worker_info()
        index, number = (worker.id, worker.num_workers) if worker else (0, 1)
        rng = np.random.default_rng([self._seed, index])
        for _ in range(index, self._length, number):
            label = int(rng.choice(list(_SHARES), p=list(_SHARES.values())))
            picture = _MAKERS[label](self._source, rng)
            square = thumbnail(np.ascontiguousarray(vary(picture, rng)))
            yield square[None], label


def _film(source: Stock, rng: np.random.Generator) -> Picture:
    """Choose a patient, then one of their films. One film in four is drawn."""
    if rng.random() < 0.25:
        return _choice(source.frontals, rng)
    film = _patient_film(source, rng)
    return whiten(film, rng) if rng.random() < 0.25 else film


def _patient_film(source: Stock, rng: np.random.Generator) -> Picture:
    patients = list(source.films)
    # PA films are rarer here than in practice, so patients with one are chosen twice as often.
    weights = np.array(
        [2.0 if any(film.projection == "pa" for film in source.films[patient]) else 1.0 for patient in patients]
    )
    chosen = source.films[patients[int(rng.choice(len(patients), p=weights / weights.sum()))]]
    return chosen[int(rng.integers(len(chosen)))].pixels


def _unusual(source: Stock, rng: np.random.Generator) -> Picture:
    return make_unusual(_film(source, rng), rng)


def _lateral(source: Stock, rng: np.random.Generator) -> Picture:
    film = _choice(source.laterals, rng)
    film = whiten(film, rng) if rng.random() < 0.2 else film
    return 255 - film if rng.random() < 0.08 else film


def _non_chest(source: Stock, rng: np.random.Generator) -> Picture:
    lot = rng.random()
    if lot < 0.15:
        return make_non_chest(_film(source, rng), rng)
    if lot < 0.4:
        picture = _choice(source.slices, rng)
    else:
        picture = detail(_choice(source.photographs if lot < 0.58 else source.drawings, rng), rng)
    # Halved and doubled films have unusual shapes. Without this, any narrow picture would count as an unusual chest.
    return make_unusual(picture, rng) if rng.random() < 0.35 else picture


def _choice(pictures: list[Picture], rng: np.random.Generator) -> Picture:
    return pictures[int(rng.integers(len(pictures)))]


_MAKERS: dict[int, Callable[[Stock, np.random.Generator], Picture]] = {
    FRONTAL: _film,
    UNUSUAL: _unusual,
    LATERAL: _lateral,
    NONE: _non_chest,
}
