"""Chooses what tells a film from one enlarged from a postage stamp, on half of the patients; measures the other half.

`python -m training.gate.sharpness --films F --collection C --out training/gate/results/sharpness.json`. The weights go
into `serve_app/imaging/resolution.py` by hand.
"""

import argparse
import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from serve_app.imaging.film import readable
from serve_app.imaging.resolution import SIDE_PX, spectrum
from serve_app.imaging.screen import reduced
from training.gate.collection import HALVES, half, load_collection
from training.gate.evaluate import PHANTOM_SEED, commit, cpu
from training.gate.films import load_films
from training.gate.pictures import read_picture
from training.phantoms import draw, sample

Pixels = NDArray[np.uint8]
_KERNEL = Image.Resampling
_NUM_PHANTOMS = 240
# The blur is of a film whose shorter side has 600 pixels.
_BLUR_RATIO = 10 / 600


def enlarged(film: Pixels, side_px: int, up: Image.Resampling, down: Image.Resampling) -> Pixels:
    """Shrink a film until its shorter side has `side_px` pixels, and enlarge it again."""
    image = Image.fromarray(film)
    scale = side_px / min(image.size)
    small = image.resize((round(image.width * scale), round(image.height * scale)), down)
    return np.asarray(small.resize(image.size, up))


def _blurred(film: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(film).filter(ImageFilter.GaussianBlur(_BLUR_RATIO * min(film.shape))))


_FINE: dict[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda film: film,
    "enlarged from 160 pixels": lambda film: enlarged(film, 160, _KERNEL.BICUBIC, _KERNEL.LANCZOS),
}
_COARSE: dict[str, Callable[[Pixels], Pixels]] = {
    "enlarged from 80 pixels, bicubic": lambda film: enlarged(film, 80, _KERNEL.BICUBIC, _KERNEL.LANCZOS),
    "enlarged from 80 pixels, bilinear": lambda film: enlarged(film, 80, _KERNEL.BILINEAR, _KERNEL.BOX),
    "enlarged from 80 pixels, Lanczos": lambda film: enlarged(film, 80, _KERNEL.LANCZOS, _KERNEL.BICUBIC),
    "blurred": _blurred,
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One film's spectrum as it is and changed, by change."""

    source: str
    half: str
    spectra: dict[str, NDArray[np.float64]]


def main() -> None:
    """Choose on one half, measure both, write weights and counts."""
    arguments = _arguments()
    films = [
        Measured(source, part, {name: _spectrum(change(film)) for name, change in (_FINE | _COARSE).items()})
        for source, part, film in _films(arguments)
    ]
    weights, least_sum = choose([film for film in films if film.half == HALVES[0]])
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": cpu(),
        "commit": commit(),
        "weights": [round(float(weight), 3) for weight in weights],
        "least_sum": round(least_sum, 2),
        "called_fine": {
            f"{source}, {part}": _counts([f for f in films if (f.source, f.half) == (source, part)], weights, least_sum)
            for source in sorted({film.source for film in films})
            for part in HALVES
        },
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def choose(films: list[Measured]) -> tuple[NDArray[np.float64], float]:
    """Fit a logistic regression; the bound lies midway between the films and nearly all that shows less."""
    spectra = {name: np.array([film.spectra[name] for film in films]) for name in _FINE | _COARSE}
    counts = np.array([4.0] + [1.0] * (len(spectra) - 1)).repeat(len(films))
    is_fine = np.array([name in _FINE for name in spectra]).repeat(len(films))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(np.concatenate(list(spectra.values())), is_fine, logisticregression__sample_weight=counts)
    weights: NDArray[np.float64] = model[1].coef_[0] / model[0].scale_
    coarse = np.concatenate([spectra[name] @ weights for name in _COARSE])
    return weights, float(np.quantile(coarse, 0.995) + (spectra["as it is"] @ weights).min()) / 2


def _films(arguments: argparse.Namespace) -> Iterator[tuple[str, str, Pixels]]:
    for film in load_films(arguments.films, frozenset()):
        picture = readable(read_picture(arguments.films / "png" / f"{film.image_id}.png"))
        yield "Hannover films", half(film.patient_id), picture.pixels
    for name, pictures in load_collection(arguments.collection).items():
        view, part = name.rsplit(", ", 1)
        if view in ("frontals", "laterals"):
            yield from ((view, part, readable(picture).pixels) for picture in pictures if _is_large(picture.pixels))
    rng = np.random.default_rng(PHANTOM_SEED)
    for number in range(_NUM_PHANTOMS):
        yield "phantoms", HALVES[number % 2], draw(sample(rng))


def _is_large(film: Pixels) -> bool:
    """Return whether a film has more to show than one enlarged from 160 pixels."""
    return bool(min(film.shape) >= 300)


def _spectrum(film: Pixels) -> NDArray[np.float64]:
    return spectrum(reduced(film, SIDE_PX / min(film.shape)))


def _counts(films: list[Measured], weights: NDArray[np.float64], least_sum: float) -> dict[str, int]:
    fine = {name: sum(film.spectra[name] @ weights >= least_sum for film in films) for name in _FINE | _COARSE}
    return {"films": len(films)} | {name: int(number) for name, number in fine.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=Path, required=True, help="folder of the Hannover films, with images.csv")
    parser.add_argument("--collection", type=Path, required=True, help="folder with metadata.csv and images/")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
