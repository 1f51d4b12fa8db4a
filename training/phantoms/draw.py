"""Scenes to films: a chest of soft shapes whose densities add up, seen through an exposure curve.

Draws at a quarter of the pixels and enlarges; noise is added at full size. Knows nothing about reports.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.phantoms.findings import Finding
from training.phantoms.scene import LUNG_BASE_Y, LUNG_HEIGHT, Scene, Spot, Technique

Plane = NDArray[Any]
_DRAWN_RATIO = 0.5


def draw(scene: Scene) -> NDArray[np.uint8]:
    """Draw a film: uint8, shape (height, width), air dark, bone bright; the same scene gives the same film."""
    return np.rint(_exposed(scene) * 255).astype(np.uint8)


def draw_16_bit(scene: Scene) -> NDArray[np.uint16]:
    """Draw the same film with 12 significant bits, 0 to 4095, as a detector stores it."""
    return np.rint(_exposed(scene) * 4095).astype(np.uint16)


def finding_layers(scene: Scene) -> dict[Finding, Plane]:
    """Show where each finding of a scene lies: its added density at half the film's size, float32 >= 0."""
    layers = dict(_finding_layers(scene))
    if Finding.CARDIOMEGALY in scene.findings:
        x, y, _ = _thorax(scene.technique)
        layers[Finding.CARDIOMEGALY] = _heart(scene.heart_ratio, x, y)
    return layers


def _exposed(scene: Scene) -> NDArray[np.float64]:
    technique = scene.technique
    density = _chest(scene, *_thorax(technique))
    for layer in _finding_layers(scene).values():
        density = density + layer
    bright = (1 - np.exp(-0.85 * technique.exposure * np.maximum(density, 0))) ** technique.gamma
    size = (technique.width_px, technique.height_px)
    film = np.asarray(Image.fromarray(bright.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))
    rng = np.random.default_rng(technique.texture_seed)
    noise = rng.standard_normal(film.shape, dtype=np.float32) * (technique.noise_grey / 255)
    return np.clip(film * 0.95 + 0.01 + noise, 0, 1)


@lru_cache(maxsize=1)
def _thorax(technique: Technique) -> tuple[Plane, Plane, Plane]:
    """Thorax coordinates x and y of every drawn pixel, and the lungs as a mask from 0 to 1."""
    x, y = _thorax_grid(technique)
    return x, y, _lungs(technique, x, y)


def _thorax_grid(technique: Technique) -> tuple[Plane, Plane]:
    rows, columns = int(technique.height_px * _DRAWN_RATIO), int(technique.width_px * _DRAWN_RATIO)
    across = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    cos, sin = math.cos(technique.rotation_rad), math.sin(technique.rotation_rad)
    x = (across * cos + down * sin) / technique.scale - technique.shift_x
    y = ((down * cos - across * sin) / technique.scale - 2 * technique.shift_y) / 2 + 0.5
    return x / technique.chest_width, y


def _soft(distance: Plane, edge: float) -> Plane:
    ramp = np.clip(distance / (2 * edge) + 0.5, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _lungs(technique: Technique, x: Plane, y: Plane) -> Plane:
    away = np.abs(x)
    along = np.clip((y - 0.08) / LUNG_HEIGHT, 0, 1)
    lateral = 0.38 + 0.43 * np.sin(np.minimum(1, along * 1.4) * (math.pi / 2))
    apex = 0.09 + 0.9 * (away - 0.33) ** 2
    base = 0.745 + technique.inspiration + 0.02 * (x > 0) + 0.6 * (away - 0.42) ** 2
    return _soft(lateral - away, 0.025) * _soft(away - 0.13, 0.02) * _soft(y - apex, 0.02) * _soft(base - y, 0.008)


def _chest(scene: Scene, x: Plane, y: Plane, lungs: Plane) -> Plane:
    technique = scene.technique
    away = np.abs(x)
    shoulders = 0.28 + 4.0 * np.clip(y - 0.01, 0, 1)
    arms = 0.93 + 0.4 * np.clip(0.42 - y, 0, 1) + 0.02 * np.cos(6 * y)
    body = _soft(np.minimum(shoulders, arms) - away, 0.02)
    tissue = body * (0.95 + 0.25 * _soft(y - 0.78, 0.1)) - 0.82 * lungs
    mediastinum = 0.30 * _soft(0.15 - away, 0.05) * _soft(y - 0.05, 0.1)
    aorta = 0.25 * _disc(Spot(0.13, 0.30, 0.11, 1.0), technique, x, y, 0.04)
    hila = 0.22 * _soft(0.16 - np.hypot(away - 0.2, 1.6 * (y - 0.43)), 0.1)
    heart = 0.60 * _heart(scene.heart_ratio, x, y) * (0.2 + 0.8 * lungs)
    vessels = lungs * 0.10 * np.clip(1.2 - 1.8 * np.hypot(away - 0.15, y - 0.45), 0, 1)
    return tissue + mediastinum + aorta + hila + heart + vessels + _bones(technique, x, y, lungs, body)


def _bones(technique: Technique, x: Plane, y: Plane, lungs: Plane, body: Plane) -> Plane:
    away = np.abs(x)
    turns = (y + 0.28 * (away - 0.45) ** 2 - 0.10 * away) / technique.rib_pitch + technique.rib_phase
    posterior = _soft(np.cos(2 * math.pi * turns) - 0.35, 0.35)
    front_turns = (y - 0.30 * away) / (technique.rib_pitch * 1.25) + technique.rib_phase
    anterior = _soft(np.cos(2 * math.pi * front_turns) - 0.55, 0.3) * _soft(away - 0.38, 0.1)
    cage = _soft(0.88 - away, 0.02) * _soft(y - 0.1, 0.03) * _soft(0.86 - y, 0.05) * (0.35 + 0.65 * lungs)
    clavicle = _soft(0.022 - np.abs(y - 0.185 + 0.12 * away + 0.03 * np.sin(5 * away)), 0.01) * _soft(0.72 - away, 0.03)
    vertebrae = 0.6 + 0.4 * np.cos(2 * math.pi * (y / 0.062 + technique.rib_phase))
    spine = _soft(0.085 - away, 0.02) * vertebrae * body
    return cage * body * (0.13 * posterior + 0.07 * anterior) + 0.20 * clavicle * body + 0.16 * spine


def _heart(ratio: float, x: Plane, y: Plane) -> Plane:
    """The inner chest is 1.6 wide; about a third of the heart lies right of the midline."""
    width = 1.6 * ratio
    centre_x, centre_y = width * 0.17, 0.625 - 0.04 * (ratio - 0.4)
    tilt = 0.35
    along = (x - centre_x) * math.cos(tilt) + 1.8 * (y - centre_y) * math.sin(tilt)
    across = -(x - centre_x) * math.sin(tilt) + 1.8 * (y - centre_y) * math.cos(tilt)
    distance = np.hypot(along / (width * 0.52), across / (width * 0.40 + 0.05))
    return _soft(1 - distance, 0.05)


@lru_cache(maxsize=1)
def _finding_layers(scene: Scene) -> dict[Finding, Plane]:
    x, y, lungs = _thorax(scene.technique)
    layers: dict[Finding, Plane] = {}
    for finding in scene.findings:
        name = finding.value
        side = -1 if "right" in name else 1
        if name.startswith("effusion"):
            level = scene.effusion_right if side < 0 else scene.effusion_left
            layers[finding] = _effusion(level or 0.0, side, x, y, lungs)
        elif name.startswith("nodule"):
            spot = scene.nodule_right if side < 0 else scene.nodule_left
            layers[finding] = _spot(spot, scene.technique, x, y, 0.015)
        elif name.startswith("consolidation"):
            spot = scene.consolidation_right if side < 0 else scene.consolidation_left
            layers[finding] = _consolidation(spot, scene.technique, x, y) * lungs
    if scene.pacemaker:
        layers[Finding.PACEMAKER] = _pacemaker(scene.pacemaker, scene.technique, x, y)
    if scene.num_sternal_wires:
        layers[Finding.STERNAL_WIRES] = _wires(scene.num_sternal_wires, scene.technique, x, y)
    return layers


def _disc(spot: Spot, technique: Technique, x: Plane, y: Plane, edge: float) -> Plane:
    rows_per_column = 2 * technique.height_px / technique.width_px / technique.chest_width
    return _soft(spot.radius - np.hypot(x - spot.x, rows_per_column * (y - spot.y)), edge)


def _spot(spot: Spot | None, technique: Technique, x: Plane, y: Plane, edge: float) -> Plane:
    return spot.density * _disc(spot, technique, x, y, edge) if spot else np.zeros_like(x + y)


def _consolidation(spot: Spot | None, technique: Technique, x: Plane, y: Plane) -> Plane:
    """A patch with a ragged border, mottled by waves whose phase comes from the film's own seed."""
    phase = technique.texture_seed % 628 / 100
    ragged = 0.06 * np.sin(11 * x + phase) * np.cos(17 * y - phase)
    mottle = 0.85 + 0.15 * np.sin(37 * x + 3 * phase) * np.sin(53 * y + phase)
    return _spot(spot, technique, x + ragged, y + ragged / 2, 0.09) * mottle


def _effusion(level: float, side: int, x: Plane, y: Plane, lungs: Plane) -> Plane:
    away = x * side
    meniscus = 0.07 * np.clip((away - 0.40) / 0.4, 0, 1) ** 2
    surface = LUNG_BASE_Y - level * LUNG_HEIGHT - meniscus
    fluid: Plane = 0.85 * lungs * _soft(y - surface, 0.015) * (away > 0)
    return fluid


def _pacemaker(spot: Spot, technique: Technique, x: Plane, y: Plane) -> Plane:
    rows_per_column = 2 * technique.height_px / technique.width_px
    half_height = spot.radius * 0.8
    box = _soft(spot.radius - np.abs(x - spot.x), 0.01) * _soft(
        half_height - rows_per_column * np.abs(y - spot.y), 0.01
    )
    # The lead runs from the box down to the heart along a quarter wave.
    share = np.clip((y - spot.y) / (0.66 - spot.y), 0, 1)
    lead_x = spot.x + (0.08 - spot.x) * np.sin(share * (math.pi / 2)) ** 0.7 + 0.12 * share**4
    lead = _soft(0.012 - np.abs(x - lead_x), 0.008) * (share > 0) * (share < 1)
    return np.maximum(spot.density * box, 0.9 * lead)


def _wires(num_wires: int, technique: Technique, x: Plane, y: Plane) -> Plane:
    rows_per_column = 2 * technique.height_px / technique.width_px
    layer = np.zeros_like(x + y)
    for centre_y in np.linspace(0.27, 0.66, num_wires):
        ring = np.abs(np.hypot(x - 0.01, 1.4 * rows_per_column * (y - float(centre_y))) - 0.045)
        layer = np.maximum(layer, 2.2 * _soft(0.012 - ring, 0.01))
    return layer
