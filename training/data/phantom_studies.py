"""Writes drawn films as a data set in ViX-Ray's format, with patients, and with the true facts.

The same random seed writes the same images and texts, with any number of processes.
"""

import argparse
import io
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from tqdm import tqdm

from serve_app.domain.study import MAX_AGE_YEARS, Sex, View
from training.data.fact_json import write_facts
from training.phantoms import Scene, draw, draw_deep, findings_text, impression_text, sample
from training.phantoms.report import merge_sides

SCHEMA = pa.schema(
    {
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "findings": pa.string(),
        "impressions": pa.string(),
        "Ages": pa.string(),
        "sex": pa.string(),
        "view": pa.string(),
        "Ghi chú": pa.string(),
        "Kỹ thuật": pa.string(),
        "patient_id": pa.string(),
        "study_id": pa.string(),
        "facts": pa.string(),
    }
)
_TECHNIQUE = "Chụp Xquang tim phổi thẳng"
_SEX_WORDS = {Sex.MALE: "Nam", Sex.FEMALE: "Nữ"}
# Random streams that differ from each other and from those of training.demo.films.
_PATIENT_STREAM, _SCENE_STREAM, _WORDS_STREAM = 17, 18, 19
_SECOND_STUDY_RATIO, _MISSING_RATIO, _AP_RATIO = 0.2, 0.15, 0.2
_ROWS_A_GROUP = 32

# Bit depths of detectors and of their files.
_DEEP_BITS = (10, 12, 14, 16)


@dataclass(frozen=True, slots=True)
class _Plan:
    """One study before its film is drawn."""

    seed: int
    index: int
    patient: int
    visit: int
    age: str | None
    sex: str | None
    view: str | None
    num_bits: int
    width_px: int | None
    crowding: float


def write_phantoms(
    folder: Path,
    num_studies: int,
    seed: int,
    *,
    deep_ratio: float = 0.25,
    width_px: int | None = None,
    crowding: tuple[float, float] = (1.0, 1.0),
    num_rows_a_shard: int = 1000,
    num_processes: int = 2,
) -> list[Path]:
    """Draw studies into Parquet shards and return their paths; about one patient in five has two studies.

    `deep_ratio` is the share of 16-bit PNG files, which use 10 to 16 bits. `width_px` replaces the usual width of 400
    to 640 pixels. `crowding` bounds the number of signs on a film, as a multiple of the usual number.

    Raises:
        FileExistsError: the folder already has Parquet files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.glob("*.parquet")):
        raise FileExistsError(f"{folder} already has Parquet files")
    num_shards = -(-num_studies // num_rows_a_shard)
    paths = [folder / f"phantoms-{shard:05d}-of-{num_shards:05d}.parquet" for shard in range(num_shards)]
    plans = islice(_plans(seed, deep_ratio, width_px, crowding), num_studies)
    with _drawn(plans, num_processes) as rows, closing(tqdm(total=num_studies, unit="film", desc="draw")) as bar:
        for path in paths:
            _write_shard(path, islice(rows, num_rows_a_shard), bar)
    return paths


def _plans(seed: int, deep_ratio: float, width_px: int | None, crowding: tuple[float, float]) -> Iterator[_Plan]:
    """Generate patients endlessly; the studies of one patient are adjacent."""
    rng = np.random.default_rng([seed, _PATIENT_STREAM])
    index = patient = 0
    while True:
        sex, age_years = tuple(Sex)[int(rng.integers(2))], int(rng.integers(18, 96))
        for visit in range(1 + (rng.random() < _SECOND_STUDY_RATIO)):
            is_told = rng.random(3) >= _MISSING_RATIO
            yield _Plan(
                seed=seed,
                index=index,
                patient=patient,
                visit=visit + 1,
                age=str(min(age_years + visit, MAX_AGE_YEARS)) if is_told[0] else None,
                sex=_SEX_WORDS[sex] if is_told[1] else None,
                view=_view(rng) if is_told[2] else None,
                num_bits=int(rng.choice(_DEEP_BITS)) if rng.random() < deep_ratio else 8,
                width_px=width_px,
                crowding=rng.uniform(*crowding),
            )
            index += 1
        patient += 1


def _view(rng: np.random.Generator) -> str:
    return View.AP if rng.random() < _AP_RATIO else View.PA


@contextmanager
def _drawn(plans: Iterable[_Plan], num_processes: int) -> Iterator[Iterator[dict[str, object]]]:
    """Draw in the plans' order. With one process, draw in this one."""
    if num_processes == 1:
        yield map(_draw_row, plans)
        return
    with get_context("spawn").Pool(num_processes) as pool:
        yield pool.imap(_draw_row, plans, chunksize=4)


def _draw_row(plan: _Plan) -> dict[str, object]:
    scene = _sized(sample(np.random.default_rng([plan.seed, _SCENE_STREAM, plan.index]), plan.crowding), plan.width_px)
    patient_id = f"phantom-{plan.seed}-{plan.patient:06d}"
    study_id = f"{patient_id}-{plan.visit}"
    # One seed for both turns: a radiologist keeps one style throughout a report.
    findings, impression = (
        write(scene.facts, np.random.default_rng([plan.seed, _WORDS_STREAM, plan.index]))
        for write in (findings_text, impression_text)
    )
    return {
        "image": {"bytes": _png(scene, plan.num_bits), "path": f"{study_id}.png"},
        "findings": findings,
        "impressions": impression,
        "Ages": plan.age,
        "sex": plan.sex,
        "view": plan.view,
        "Ghi chú": None,
        "Kỹ thuật": _TECHNIQUE,
        "patient_id": patient_id,
        "study_id": study_id,
        "facts": write_facts(merge_sides(scene.facts)),
    }


def _sized(scene: Scene, width_px: int | None) -> Scene:
    if width_px is None:
        return scene
    height_px = round(scene.technique.height_px * width_px / scene.technique.width_px)
    return replace(scene, technique=replace(scene.technique, width_px=width_px, height_px=height_px))


def _png(scene: Scene, num_bits: int) -> bytes:
    """Encode a PNG. The bits stay unscaled, because serving scales 16-bit samples by the depth they use."""
    file = io.BytesIO()
    Image.fromarray(draw(scene) if num_bits == 8 else draw_deep(scene, num_bits)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _write_shard(path: Path, rows: Iterator[dict[str, object]], bar: "tqdm[NoReturn]") -> None:
    # Images are already compressed: compressing again costs time and gains nothing.
    with pq.ParquetWriter(path, SCHEMA, compression="none", use_dictionary=False) as writer:
        while group := list(islice(rows, _ROWS_A_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA))
            bar.update(len(group))


def main() -> None:
    """Draw a data set of films with reports, in ViX-Ray's format."""
    parser = argparse.ArgumentParser(prog="python -m training.data.phantom_studies", description=main.__doc__)
    parser.add_argument("out", type=Path, help="the folder for the Parquet files")
    parser.add_argument("--num", type=int, default=200, help="studies to draw")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="processes that draw")
    arguments = parser.parse_args()
    for path in write_phantoms(arguments.out, arguments.num, arguments.seed, num_processes=arguments.processes):
        print(path)


if __name__ == "__main__":
    main()
