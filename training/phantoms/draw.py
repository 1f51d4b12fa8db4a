"""Draws scenes as films: a chest of soft shapes whose densities add up, through an exposure curve.

Draws at half the film's size and enlarges; noise is added at full size.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.facts import Fact, Finding, Side
from training.phantoms import devices, lungs, pleura
from training.phantoms.anatomy import Anatomy, anatomy_of, aorta_centre, chest, diaphragm, heart, spine_x
from training.phantoms.anatomy import lungs as lungs_of
from training.phantoms.plane import Plane, Thorax, soft, thorax
from training.phantoms.scene import Scene, Sign
from training.phantoms.technique import Technique

_IN_LUNGS = lungs.PAINTERS.keys() | {Finding.EFFUSION, Finding.PNEUMOTHORAX, Finding.PLEURAL_THICKENING}


def draw(scene: Scene) -> NDArray[np.uint8]:
    """Draw a film: uint8, shape (height, width), air dark, bone bright. The same scene gives the same film."""
    return np.rint(_exposed(scene) * 255).astype(np.uint8)


def draw_deep(scene: Scene, num_bits: int) -> NDArray[np.uint16]:
    """Draw the same film with 9 to 16 significant bits in uint16, as a detector stores it."""
    film: Plane = np.rint(_exposed(scene) * (2**num_bits - 1))
    return film.astype(np.uint16)


def fact_layers(scene: Scene) -> dict[Fact, Plane]:
    """Map where each fact of a scene is visible: float32 from 0 to about 1, at half the film's size.

    A change of the chest itself (a large heart, a raised dome) is mapped to the part that changed.
    """
    area, anatomy, lung = _chest(scene)
    layers = {sign.fact: np.abs(density) for sign, density in _densities(scene).items()}
    for sign in scene.signs:
        if sign.fact not in layers:
            layers[sign.fact] = _changed_part(sign.fact, area, scene.technique, anatomy, lung)
    return layers


def _exposed(scene: Scene) -> Plane:
    technique = scene.technique
    area, anatomy, lung = _chest(scene)
    density = chest(area, technique, anatomy, lung)
    for layer in _densities(scene).values():
        density = density + layer
    bright = (1 - np.exp(-0.85 * technique.exposure * np.maximum(density, 0))) ** technique.gamma
    size = (technique.width_px, technique.height_px)
    film = np.asarray(Image.fromarray(bright.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))
    rng = np.random.default_rng(technique.texture_seed)
    noise = rng.standard_normal(film.shape, dtype=np.float32) * (technique.noise_grey / 255)
    return np.clip(film * 0.95 + 0.01 + noise, 0, 1) * _collimated(technique)


def _collimated(technique: Technique) -> Plane:
    """Draw a black collimated border on all sides."""
    border_px = int(technique.border_ratio * technique.width_px)
    lit = np.zeros((technique.height_px, technique.width_px), dtype=np.float32)
    lit[border_px : technique.height_px - border_px, border_px : technique.width_px - border_px] = 1
    return lit


@lru_cache(maxsize=1)
def _chest(scene: Scene) -> tuple[Thorax, Anatomy, Plane]:
    area, anatomy = thorax(scene.technique), anatomy_of(scene)
    return area, anatomy, lungs_of(area, scene.technique, anatomy)


@lru_cache(maxsize=1)
def _densities(scene: Scene) -> dict[Sign, Plane]:
    """Return the added density of every sign that has one."""
    area, anatomy, lung = _chest(scene)
    densities = {}
    for sign in scene.signs:
        finding = sign.fact.finding
        if finding in devices.PAINTERS:
            densities[sign] = devices.PAINTERS[finding](sign, area, anatomy)
        elif painter := (lungs.PAINTERS | pleura.PAINTERS).get(finding):
            density = painter(sign, area)
            densities[sign] = density * lung if finding in _IN_LUNGS else density
    return densities


def _changed_part(fact: Fact, area: Thorax, technique: Technique, anatomy: Anatomy, lung: Plane) -> Plane:
    match fact.finding:
        case Finding.CARDIOMEGALY:
            return heart(area, anatomy)
        case Finding.MEDIASTINAL_SHIFT:
            return np.maximum(
                heart(area, anatomy), soft(0.15 - np.abs(area.x - anatomy.shift_x), 0.03) * (area.y < 0.5)
            )
        case Finding.AORTIC_ENLARGEMENT:
            return area.disc(aorta_centre(anatomy), anatomy.aorta_radius, 0.04)
        case Finding.SCOLIOSIS:
            return soft(0.10 - np.abs(area.x - spine_x(area.y, anatomy)), 0.02) * (area.y > 0.1) * (area.y < 0.85)
        case Finding.EMPHYSEMA:
            return lung
        case Finding.ELEVATED_DIAPHRAGM:
            is_side = area.x * (-1 if fact.side is Side.RIGHT else 1) > 0.1
            return soft(0.05 - np.abs(area.y - diaphragm(area, technique, anatomy)), 0.02) * is_side * (area.away < 0.8)
        case _:
            raise ValueError(f"nothing draws {fact.finding}")
