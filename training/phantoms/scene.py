"""The numbers behind a drawn film: how it was taken, and what it shows and where.

Thorax coordinates: x from -1 (image left, the patient's right) to 1, y from 0 (top) to 1 (bottom).
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from training.phantoms.findings import Finding, Side

Kind = Literal[
    "cardiomegaly",
    "pacemaker",
    "sternal-wires",
    "effusion-right",
    "effusion-left",
    "nodule-right",
    "nodule-left",
    "consolidation-right",
    "consolidation-left",
]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]

# Level of the fluid as a share of the lung's height; the gaps keep the three amounts apart.
EFFUSION_LEVELS = {"small": (0.15, 0.20), "moderate": (0.32, 0.39), "large": (0.53, 0.60)}
NORMAL_HEART_RATIO = (0.38, 0.45)
LARGE_HEART_RATIO = (0.58, 0.68)
LUNG_BASE_Y = 0.82
LUNG_HEIGHT = 0.72


@dataclass(frozen=True, slots=True)
class Technique:
    """How the film was taken: all that says nothing about disease."""

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
    rib_phase: float
    rib_pitch: float
    texture_seed: int


@dataclass(frozen=True, slots=True)
class Spot:
    """A round shadow in thorax coordinates; the radius is in units of x."""

    x: float
    y: float
    radius: float
    density: float


@dataclass(frozen=True, slots=True)
class Scene:
    """One film before it is drawn. `heart_ratio` is the cardiothoracic ratio, an effusion its level, None is absent."""

    technique: Technique
    heart_ratio: float
    effusion_right: float | None = None
    effusion_left: float | None = None
    nodule_right: Spot | None = None
    nodule_left: Spot | None = None
    consolidation_right: Spot | None = None
    consolidation_left: Spot | None = None
    pacemaker: Spot | None = None
    num_sternal_wires: int = 0

    @property
    def findings(self) -> frozenset[Finding]:
        """The truth about this film."""
        facts = {
            Finding.CARDIOMEGALY: self.heart_ratio > 0.5,
            Finding.PACEMAKER: self.pacemaker is not None,
            Finding.STERNAL_WIRES: self.num_sternal_wires > 0,
            Finding.NODULE_RIGHT: self.nodule_right is not None,
            Finding.NODULE_LEFT: self.nodule_left is not None,
            Finding.CONSOLIDATION_RIGHT: self.consolidation_right is not None,
            Finding.CONSOLIDATION_LEFT: self.consolidation_left is not None,
        }
        fluid = {f"effusion-{side}-{_amount(level)}" for side, level in self._levels() if level is not None}
        return frozenset(fact for fact, is_seen in facts.items() if is_seen) | {Finding(name) for name in fluid}

    def _levels(self) -> tuple[tuple[Side, float | None], ...]:
        return (Side.RIGHT, self.effusion_right), (Side.LEFT, self.effusion_left)


def sample(rng: np.random.Generator) -> Scene:
    """Draw the numbers of one film; about one in seven is normal."""
    kinds = frozenset() if rng.random() < 0.12 else frozenset(kind for kind in KINDS if rng.random() < 0.28)
    return _scene(rng, kinds)


def pair(rng: np.random.Generator) -> tuple[Scene, Scene]:
    """Draw two films that differ in one finding and nothing else: the first has it, the second has not."""
    kind = KINDS[int(rng.integers(len(KINDS)))]
    others = frozenset(other for other in KINDS if rng.random() < 0.22)
    scene = _scene(rng, others | {kind})
    return scene, without(scene, kind, rng)


def without(scene: Scene, kind: Kind, rng: np.random.Generator) -> Scene:
    """Take one kind of finding away; a heart is made of normal size."""
    if kind == "cardiomegaly":
        return replace(scene, heart_ratio=rng.uniform(*NORMAL_HEART_RATIO))
    if kind == "sternal-wires":
        return replace(scene, num_sternal_wires=0)
    absent: dict[str, Any] = {kind.replace("-", "_"): None}
    return replace(scene, **absent)


def _scene(rng: np.random.Generator, kinds: frozenset[Kind]) -> Scene:
    levels = {side: _level(rng) if f"effusion-{side}" in kinds else None for side in Side}
    pacemaker = _pacemaker(rng) if "pacemaker" in kinds else None
    spots: dict[str, Spot | None] = {}
    for side in Side:
        taken = [pacemaker] if pacemaker and side is Side.LEFT else []
        for name, draw_spot in (("consolidation", _consolidation), ("nodule", _nodule)):
            spot = draw_spot(rng, side, levels[side], taken) if f"{name}-{side}" in kinds else None
            spots[f"{name}_{side}"] = spot
            taken += [spot] if spot else []
    return Scene(
        technique=_technique(rng),
        heart_ratio=rng.uniform(*(LARGE_HEART_RATIO if "cardiomegaly" in kinds else NORMAL_HEART_RATIO)),
        effusion_right=levels[Side.RIGHT],
        effusion_left=levels[Side.LEFT],
        pacemaker=pacemaker,
        num_sternal_wires=int(rng.integers(4, 7)) if "sternal-wires" in kinds else 0,
        **spots,
    )


def _technique(rng: np.random.Generator) -> Technique:
    width_px = 512
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
        rib_phase=rng.uniform(0.0, 1.0),
        rib_pitch=rng.uniform(0.085, 0.105),
        texture_seed=int(rng.integers(2**31)),
    )


def _amount(level: float) -> str:
    return next(name for name, (_, high) in EFFUSION_LEVELS.items() if level <= high)


def _level(rng: np.random.Generator) -> float:
    amounts = list(EFFUSION_LEVELS.values())
    return rng.uniform(*amounts[int(rng.integers(len(amounts)))])


def _pacemaker(rng: np.random.Generator) -> Spot:
    return Spot(rng.uniform(0.62, 0.70), rng.uniform(0.17, 0.22), rng.uniform(0.10, 0.12), 2.0)


def _consolidation(rng: np.random.Generator, side: Side, level: float | None, taken: list[Spot]) -> Spot:
    return _place(rng, side, level, taken, (rng.uniform(0.18, 0.25), rng.uniform(0.50, 0.70)), (0.40, 0.58))


def _nodule(rng: np.random.Generator, side: Side, level: float | None, taken: list[Spot]) -> Spot:
    return _place(rng, side, level, taken, (rng.uniform(0.065, 0.09), rng.uniform(0.60, 0.80)), (0.34, 0.66))


def _place(
    rng: np.random.Generator,
    side: Side,
    level: float | None,
    taken: list[Spot],
    size: tuple[float, float],
    reach: tuple[float, float],
) -> Spot:
    """Find a free place above the fluid and beside the heart; after some tries the freest one will do."""
    radius, density = size
    # The heart may be large on the left: stay above it. A lung is about twice as high in y as its radius is in x.
    lowest_y = 0.46 if side is Side.LEFT else 0.58
    if level is not None:
        lowest_y = min(lowest_y, LUNG_BASE_Y - level * LUNG_HEIGHT - 0.08 - radius / 2)
    candidates = []
    for _ in range(12):
        y = rng.uniform(0.20, max(0.21, lowest_y))
        # The lung narrows towards its apex.
        widest = min(reach[1], 0.38 + 0.43 * math.sin(min(1.0, 2 * (y - 0.08)) * math.pi / 2) - 0.6 * radius)
        x = rng.uniform(reach[0], max(reach[0] + 0.01, widest)) * (-1 if side is Side.RIGHT else 1)
        clearance = min((math.hypot(x - o.x, 2 * (y - o.y)) - radius - o.radius for o in taken), default=1.0)
        candidates.append((clearance, Spot(x, y, radius, density)))
        if clearance > 0.1:
            break
    return max(candidates, key=lambda candidate: candidate[0])[1]
