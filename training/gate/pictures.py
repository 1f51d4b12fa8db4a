"""Reads pictures that are not chest films from installed packages; nothing is downloaded.

None of them is one of the published negative samples, or another rendering of one.
"""

from pathlib import Path

import numpy as np
import skimage
import sklearn.datasets
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.radiograph import Source
from serve_app.imaging.picture import Picture, colour_ratio
from training.gate.films import shrink

# Held back from training, to measure the verdicts on unseen pictures.
VALIDATION = frozenset({"clock_motion", "moon", "chelsea", "flower", "ihc", "page", "motorcycle_right"})
_SKIMAGE = (
    "brick",
    "camera",
    "cell",
    "chelsea",
    "chessboard_GRAY",
    "chessboard_RGB",
    "clock_motion",
    "coins",
    "color",
    "grass",
    "gravel",
    "ihc",
    "logo",
    "microaneurysms",
    "moon",
    "motorcycle_left",
    "motorcycle_right",
    "page",
    "phantom",
    "rocket",
)
_NUM_FACES = 40


def load_pictures() -> dict[str, NDArray[np.uint8]]:
    """Read every picture, by name, as uint8 grey of working size."""
    folder = Path(skimage.__file__).parent / "data"
    photos = [path for name in _SKIMAGE for path in folder.glob(f"{name}.*")]
    photos += sorted((Path(sklearn.datasets.__file__).parent / "images").glob("*.jpg"))
    faces = np.load(folder / "lfw_subset.npy")[:_NUM_FACES]
    drawn_faces = {f"face_{i}": shrink(Image.fromarray((face * 255).astype(np.uint8))) for i, face in enumerate(faces)}
    return {path.stem: _read(path) for path in photos} | drawn_faces


def read_picture(path: Path) -> Picture:
    """Read an image file at its full size, transparent parts black."""
    with Image.open(path) as image:
        colours = image.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", colours.size, (0, 0, 0, 255)), colours).convert("RGB")
    return Picture(np.array(flat.convert("L")), Source(path.suffix, flat.width, flat.height, 8), colour_ratio(flat))


def _read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return shrink(image.convert("RGB"))
