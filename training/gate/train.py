"""Trains the gate and writes it to the served path: `python -m training.gate.train --films F --samples S --scan C`.

The samples only define which patients to leave out; none of their pictures is read.
"""

import argparse
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from serve_app.imaging.screen import GATE_CHECKPOINT
from training.gate.examples import DRAWN, VALIDATION_DRAWN, Examples, Stock, stock
from training.gate.films import load_films, sample_patients, split
from training.gate.network import Network, export
from training.gate.pictures import VALIDATION, load_pictures
from training.gate.volumes import Scan

LOG = logging.getLogger("training.gate")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the network is trained: `rounds` new sets of examples, each used for `epochs_per_round` epochs."""

    seed: int = 20261123
    rounds: int = 8
    round_examples: int = 8000
    epochs_per_round: int = 3
    validation_examples: int = 1500
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.02
    num_each: int = 60


def main() -> None:
    """Train, calibrate on validation patients, export."""
    arguments = _arguments()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    LOG.setLevel(logging.INFO)
    recipe = Recipe(seed=arguments.seed, rounds=arguments.rounds)
    torch.manual_seed(recipe.seed)
    # On busy cores two threads wait for each other longer than they compute.
    torch.set_num_threads(1)
    training, validation = stocks(arguments.films, arguments.samples, Scan.read(arguments.scan), recipe)
    held = materialise(Examples(validation, recipe.validation_examples, recipe.seed + 1))
    network = train(training, held, recipe)
    temperature = calibrate(network, held)
    export(network, temperature, arguments.out)
    LOG.info("temperature %.3f, wrote %s, %d bytes", temperature, arguments.out.name, arguments.out.stat().st_size)


def stocks(films: Path, samples: Path, scan: Scan, recipe: Recipe) -> tuple[Stock, Stock]:
    """Gather the pictures for training and validation: different patients, photographs and kinds of drawing."""
    rng = np.random.default_rng(recipe.seed)
    parts = split(load_films(films, sample_patients(samples, films)), rng)
    pictures = load_pictures()
    seen = [picture for name, picture in pictures.items() if name not in VALIDATION]
    held = [picture for name, picture in pictures.items() if name in VALIDATION]
    LOG.info("films: %s", {part: len(chosen) for part, chosen in parts.items()})
    return (
        stock(parts["train"], seen, DRAWN.keys() - VALIDATION_DRAWN, recipe.num_each, rng, scan),
        stock(parts["validation"], held, VALIDATION_DRAWN, recipe.num_each // 2, rng),
    )


def materialise(examples: Examples) -> TensorDataset:
    """Draw all examples, on two processes."""
    batches = list(DataLoader(examples, batch_size=256, num_workers=2))
    return TensorDataset(torch.cat([films for films, _ in batches]), torch.cat([labels for _, labels in batches]))


def train(source: Stock, held: TensorDataset, recipe: Recipe) -> Network:
    """Fit the network with AdamW under a one-cycle schedule."""
    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    num_steps = recipe.rounds * recipe.epochs_per_round * -(-recipe.round_examples // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, num_steps, pct_start=0.15)
    for number in range(recipe.rounds):
        started = time.monotonic()
        examples = materialise(Examples(source, recipe.round_examples, recipe.seed + 100 + number))
        drawn_s = time.monotonic() - started
        for _ in range(recipe.epochs_per_round):
            for batch in torch.randperm(len(examples)).split(recipe.batch):
                films, labels = examples[batch]
                loss = cross_entropy(network.train()(_jitter(films)), labels, label_smoothing=recipe.label_smoothing)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        loss_held, accuracy = _measure(network, held)
        LOG.info(
            "round %d: drawn in %.0f s, fitted in %.0f s, train loss %.3f, held-back loss %.3f, accuracy %.3f",
            number + 1, drawn_s, time.monotonic() - started - drawn_s, loss.item(), loss_held, accuracy,
        )  # fmt: skip
    return network


def calibrate(network: Network, held: TensorDataset) -> float:
    """Find the temperature that maximises the likelihood of the validation examples.

    Source: Guo et al., On Calibration of Modern Neural Networks, 2017.
    """
    logits, labels = _logits(network, held), held.tensors[1]
    temperatures = torch.linspace(0.5, 4.0, 71)
    losses = torch.stack([cross_entropy(logits / temperature, labels) for temperature in temperatures])
    return float(temperatures[int(losses.argmin())])


def _jitter(films: Tensor) -> Tensor:
    """Shift a batch by a few pixels and erase a patch, so that a round can be used for several epochs."""
    shift = torch.randint(-4, 5, (2,)).tolist()
    moved = torch.roll(films, shift, dims=(2, 3)).clone()
    top, left = torch.randint(0, 72, (2,)).tolist()
    if torch.rand(()) < 0.5:
        moved[:, :, top : top + 20, left : left + 20] = torch.rand(())
    return moved


@torch.no_grad()
def _logits(network: Network, held: TensorDataset) -> Tensor:
    network.eval()
    return torch.cat([network(films) for films in held.tensors[0].split(256)])


def _measure(network: Network, held: TensorDataset) -> tuple[float, float]:
    logits, labels = _logits(network, held), held.tensors[1]
    return float(cross_entropy(logits, labels)), float((logits.argmax(1) == labels).float().mean())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=Path, required=True, help="folder of the Hannover films, with images.csv")
    parser.add_argument("--samples", type=Path, required=True, help="folder of the samples whose patients are left out")
    parser.add_argument("--scan", type=Path, required=True, help="folder of the chest CT, one DICOM file a slice")
    parser.add_argument("--out", type=Path, default=GATE_CHECKPOINT, help="the ONNX file to write")
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--rounds", type=int, default=Recipe().rounds)
    return parser.parse_args()


if __name__ == "__main__":
    main()
