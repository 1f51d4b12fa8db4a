"""Draw one chest film into a PNG file: `python -m training.phantoms FILM.png --seed 7`."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from training.phantoms import draw, findings_text, sample


def main() -> None:
    """Draw the film of one random seed and print its report."""
    parser = argparse.ArgumentParser(prog="python -m training.phantoms", description=main.__doc__)
    parser.add_argument("out", type=Path, help="the PNG file to write")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    scene = sample(np.random.default_rng(arguments.seed))
    Image.fromarray(draw(scene)).save(arguments.out)
    print(findings_text(scene.facts))


if __name__ == "__main__":
    main()
