"""The technique of a drawn film and the build of its patient: everything unrelated to disease."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Technique:
    """Positioning, exposure and build of one film. Values are shares of the film, unless the name has a unit."""

    width_px: int
    height_px: int
    shift_x: float
    shift_y: float
    scale: float
    rotation_rad: float
    exposure: float
    gamma: float
    noise_grey: float
    inspiration: float
    chest_width: float
    heart_ratio: float
    breast_density: float
    border_ratio: float
    rib_phase: float
    rib_pitch: float
    texture_seed: int


def sample_technique(rng: np.random.Generator) -> Technique:
    """Sample one technique. `heart_ratio` is a normal cardiothoracic ratio."""
    width_px = int(rng.integers(400, 641))
    return Technique(
        width_px=width_px,
        height_px=int(width_px * rng.uniform(0.88, 1.28)),
        shift_x=rng.uniform(-0.05, 0.05),
        shift_y=rng.uniform(-0.03, 0.03),
        scale=rng.uniform(0.92, 1.06),
        rotation_rad=rng.uniform(-0.05, 0.05),
        exposure=rng.uniform(0.85, 1.2),
        gamma=rng.uniform(0.85, 1.2),
        noise_grey=rng.uniform(2.0, 6.0),
        inspiration=rng.uniform(-0.025, 0.025),
        chest_width=rng.uniform(0.96, 1.04),
        heart_ratio=rng.uniform(0.38, 0.45),
        breast_density=float(rng.choice([0.0, rng.uniform(0.05, 0.2)])),
        border_ratio=rng.uniform(0.0, 0.04),
        rib_phase=rng.uniform(0.0, 1.0),
        rib_pitch=rng.uniform(0.085, 0.105),
        texture_seed=int(rng.integers(2**31)),
    )
