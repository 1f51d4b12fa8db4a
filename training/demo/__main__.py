"""`python -m training.demo`: trains the demo model, in the folder that its configurations name.

Skips finished steps and resumes a killed one.
"""

import argparse
import logging
import shutil
from pathlib import Path

import torch

from training.data.phantom_studies import write_phantoms
from training.data.prepare import prepare
from training.data.splits import SplitRatios
from training.demo.eye import EyeRecipe, train_eye
from training.launch import launch
from training.stages.config import Stage, load_config

log = logging.getLogger("training.demo")
RUN = Path("runs/demo")
SEED = 20261124
# Differs from the seed of the training studies: other patients, other films.
HELD_OUT_SEED = 20261125
_NUM_STUDIES, _NUM_HELD_OUT = 16_000, 500
# From nearly empty to crowded films: rare signs occur more often, and no number of signs is typical.
_CROWDING = (0.5, 2.5)
# Held-out films are drawn separately; this split only monitors the loss.
_RATIOS = SplitRatios(train=0.98, validation=0.02, test=0.0)
_CONFIGS = Path(__file__).parent.parent / "configs" / "demo"


def make_studies(recipe: EyeRecipe) -> None:
    """Draw training and held-out studies, and prepare the training studies at the vision tower's image budget."""
    if not (RUN / "prepared").exists():
        _draw(RUN / "studies", _NUM_STUDIES, SEED, _CROWDING)
        prepare(RUN / "studies", RUN / "prepared", recipe.max_visual_tokens, seed=SEED, ratios=_RATIOS)
    if not (RUN / "held-out").exists():
        _draw(RUN / "held-out.partial", _NUM_HELD_OUT, HELD_OUT_SEED, (1.0, 1.0))
        (RUN / "held-out.partial").rename(RUN / "held-out")


def _draw(folder: Path, num_studies: int, seed: int, crowding: tuple[float, float]) -> None:
    """Draw a folder of studies. Replaces a folder that a killed run left incomplete."""
    shutil.rmtree(folder, ignore_errors=True)
    write_phantoms(folder, num_studies, seed, crowding=crowding)


def main() -> None:
    """Train the demo model: the vision tower, the drawn studies, then the stages findings, impression and chat."""
    argparse.ArgumentParser(prog="python -m training.demo", description=main.__doc__).parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    recipe = EyeRecipe()
    torch.set_num_threads(2)
    train_eye(recipe, RUN / "eye")
    make_studies(recipe)
    for stage in Stage:
        card = launch(load_config(_CONFIGS / f"{stage}.yaml"))
        log.info("%s: %s", stage, card["metrics"])


if __name__ == "__main__":
    main()
