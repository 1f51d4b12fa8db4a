"""Measures the served gate on films of unseen patients, and writes the confusion tables.

`python -m training.gate.evaluate --films F --samples S --collection C --panoramas P --out
training/gate/results/gate-3.json`
"""

import argparse
import datetime
import hashlib
import json
import platform
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from serve_app.domain.radiograph import GateOutcome, GateVerdict, Source
from serve_app.domain.study import View
from serve_app.imaging.film import readable
from serve_app.imaging.picture import Picture
from serve_app.imaging.screen import GATE_CHECKPOINT, Gate
from training.gate.augment import cut
from training.gate.collection import load_collection, load_panoramas
from training.gate.examples import DRAWN, VALIDATION_DRAWN
from training.gate.films import PatientFilm, load_films, sample_patients, split
from training.gate.laterals import lateral_chest
from training.gate.panoramas import panorama
from training.gate.pictures import VALIDATION, load_pictures, read_picture
from training.gate.scans import coronal_slice
from training.gate.train import Recipe
from training.phantoms import draw, sample

Pixels = NDArray[np.uint8]
# Training draws no phantom with a random seed of this range.
PHANTOM_SEED = 90_000_000
NUM_PHANTOMS, NUM_DRAWN_EACH = 500, 40
_STAMP_PX = 80
SOURCES = {
    "validation and test patients": "Hannover films of patients that training never saw",
    "samples": "cxr_samples: films of Hannover patients left out, NIH and NEMA; pictures that are none",
    "laterals, frontals, coronal CT, axial CT": "github.com/ieee8023/covid-chestxray-dataset at 584034a, files below "
    "4 MiB, without its copies of Hannover films; licences per image",
    "dental panoramas": "github.com/Zzz512/MLUA at 17b73ac, dataset/test/images",
    "looked at, kept back": "halves by patient: on the first networks were compared, on the second only the last one",
}
_DECLARED = ("laterals, looked at", "laterals, kept back", "samples, negative")
TURNS = {"rotated 90": 1, "rotated 180": 2, "rotated 270": 3}


def _rescaled(film: Pixels, gain: float, base: float = 0.0) -> Pixels:
    rescaled: Pixels = np.rint(film * gain + base).astype(np.uint8)
    return rescaled


def _from_stamp(film: Pixels) -> Pixels:
    """Shrink a film to 80 pixels and enlarge it again."""
    image = Image.fromarray(film)
    scale = _STAMP_PX / min(image.size)
    stamp = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    return np.asarray(stamp.resize(image.size, Image.Resampling.BICUBIC))


# What makes a film unreadable as it is; two thirds of the last are border.
_SPOILERS: dict[str, Callable[[Pixels], Pixels]] = {
    "at 6 % brightness": lambda film: _rescaled(film, 0.06),
    "at 30 % brightness": lambda film: _rescaled(film, 0.3),
    "at 8 % contrast": lambda film: _rescaled(film, 0.08, 128),
    "enlarged from 80 pixels": _from_stamp,
    "blurred by 10 pixels": lambda film: np.asarray(Image.fromarray(film).filter(ImageFilter.GaussianBlur(10))),
    "wide borders": lambda film: np.pad(film, [(side // 2, side // 4) for side in film.shape], constant_values=255),
}


def main() -> None:
    """Judge every set and write the results."""
    arguments = _arguments()
    gate, rng = Gate(checkpoint=arguments.checkpoint), np.random.default_rng(PHANTOM_SEED)
    seed = Recipe().seed
    parts = split(
        load_films(arguments.films, sample_patients(arguments.samples, arguments.films)), np.random.default_rng(seed)
    )
    sets = _of_patients(arguments.films, parts, rng) | _unseen(rng) | _of_others(arguments)
    verdicts = {name: [gate.screen(readable(film)) for film in films] for name, films in sets.items()}
    verdicts |= {
        f"{name}, declared lateral": [gate.screen(readable(film), View.LATERAL) for film in sets[name]]
        for name in _DECLARED
    }
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": cpu(),
        "commit": commit(),
        "onnxruntime": onnxruntime.__version__,
        "seed": seed,
        "checkpoint_sha256": hashlib.sha256(arguments.checkpoint.read_bytes()).hexdigest(),
        "sets": SOURCES,
        "patients": {part: len({film.patient_id for film in films}) for part, films in parts.items()},
        "films": {part: _by_projection(films) for part, films in parts.items()},
        "tables": {name: table(of_set) for name, of_set in verdicts.items()},
        "reasons": {name: dict(Counter(verdict.reason for verdict in of_set)) for name, of_set in verdicts.items()},
        "gate_ms": _milliseconds(gate, sets["samples, positive"][0]),
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _of_patients(
    folder: Path, parts: dict[str, list[PatientFilm]], rng: np.random.Generator
) -> dict[str, list[Picture]]:
    """Read the held-back patients' films at full size, and change them in every way."""
    sets: dict[str, list[Picture]] = {}
    for part in ("validation", "test"):
        films = [read_picture(folder / "png" / f"{film.image_id}.png") for film in parts[part]]
        sets |= {f"{part} patients": films} | _changed(f"{part} patients, ", films, rng)
    return sets


def _of_others(arguments: argparse.Namespace) -> dict[str, list[Picture]]:
    """Read the pictures of other sources than training's."""
    samples = {
        f"samples, {kind}": [read_picture(path) for path in sorted((arguments.samples / kind).iterdir())]
        for kind in ("positive", "negative")
    }
    return samples | load_collection(arguments.collection) | load_panoramas(arguments.panoramas)


def table_lines(tables: dict[str, dict[str, float]]) -> list[str]:
    """Format confusion tables as Markdown rows."""
    head = ["| set | films | pass | confirm | refuse | mean score |", "| --- | --- | --- | --- | --- | --- |"]
    return head + [
        f"| {name} | {row['films']} | {row['pass']} | {row['confirm']} | {row['refuse']} | {row['mean_score']:.3f} |"
        for name, row in tables.items()
    ]


def _changed(prefix: str, films: list[Picture], rng: np.random.Generator) -> dict[str, list[Picture]]:
    """Rotate, invert and cut films, which the gate should ask the client to confirm."""
    turned = {
        f"{prefix}{name}": [_of(np.ascontiguousarray(np.rot90(film.pixels, turns))) for film in films]
        for name, turns in TURNS.items()
    }
    halves = [_of(np.ascontiguousarray(cut(film.pixels, rng, (0.45, 0.5)))) for film in films]
    mirrored = [_of(np.ascontiguousarray(film.pixels[:, ::-1])) for film in films]
    inverted = [_of(255 - film.pixels) for film in films]
    changed = turned | {f"{prefix}inverted": inverted, f"{prefix}half": halves, f"{prefix}mirrored": mirrored}
    return changed | {
        f"{prefix}{name}": [_of(spoil(film.pixels)) for film in films] for name, spoil in _SPOILERS.items()
    }


def _unseen(rng: np.random.Generator) -> dict[str, list[Picture]]:
    """Gather unseen pictures other than films: new phantoms, other photographs, other kinds of drawing."""
    pictures = load_pictures()
    return {
        "unseen phantoms": [_of(draw(sample(rng))) for _ in range(NUM_PHANTOMS)],
        "unseen photographs": [_of(_doubled(pictures[name])) for name in sorted(VALIDATION)],
        "unseen kinds of drawing": [
            _of(_doubled(DRAWN[k](rng))) for k in sorted(VALIDATION_DRAWN) for _ in range(NUM_DRAWN_EACH)
        ],
    } | {
        f"new drawings, {name}": [_of(_doubled(picture(rng))) for _ in range(NUM_DRAWN_EACH)]
        for name, picture in (("laterals", lateral_chest), ("coronal CT", coronal_slice), ("panoramas", panorama))
    }


def _doubled(pixels: Pixels) -> Pixels:
    """Enlarge what is drawn or kept at the network's scale: as a film it would be too small to be judged."""
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((2 * image.width, 2 * image.height), Image.Resampling.BICUBIC))


def table(verdicts: list[GateVerdict]) -> dict[str, float]:
    """Count the outcomes of one set. The mean covers the verdicts with a score; without any it is 0."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    scores = [verdict.score for verdict in verdicts if verdict.score is not None] or [0.0]
    mean = round(float(np.mean(scores)), 4)
    return {"films": len(verdicts)} | {str(o): counts[o] for o in GateOutcome} | {"mean_score": mean}


def _of(pixels: Pixels) -> Picture:
    return Picture(pixels, Source("drawn", pixels.shape[1], pixels.shape[0], 8))


def _by_projection(films: list[PatientFilm]) -> dict[str, int]:
    return dict(Counter(film.projection for film in films))


def _milliseconds(gate: Gate, film: Picture) -> dict[str, float]:
    """Time one film at its own size and at 3000 x 3000: median processor time of 30 runs on one thread."""
    large = _of(np.array(Image.fromarray(film.pixels).resize((3000, 3000))))
    return {f"{f.pixels.shape[1]} x {f.pixels.shape[0]}": _median_ms(gate, f) for f in (film, large)}


def _median_ms(gate: Gate, film: Picture) -> float:
    times = []
    for _ in range(30):
        started = time.thread_time()
        gate.screen(readable(film))
        times.append(1000 * (time.thread_time() - started))
    return round(float(np.median(times)), 2)


def cpu() -> str:
    """Name this machine's processor."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {len(names)} cores"


def commit() -> str:
    """Name the commit that is measured."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout.strip()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=Path, required=True, help="folder of the Hannover films, with images.csv")
    parser.add_argument(
        "--samples", type=Path, required=True, help="folder with positive/ and negative/, for the final measurement"
    )
    parser.add_argument("--collection", type=Path, required=True, help="folder with metadata.csv and images/")
    parser.add_argument("--panoramas", type=Path, required=True, help="folder of dental panoramas")
    parser.add_argument("--checkpoint", type=Path, default=GATE_CHECKPOINT)
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
