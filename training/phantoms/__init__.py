"""Chest films drawn by code, with their true facts and the report that a radiologist might write."""

from training.phantoms.draw import draw, draw_deep, fact_layers
from training.phantoms.report import findings_text, impression_text
from training.phantoms.sampling import pair, sample
from training.phantoms.scene import Scene, Sign, without

__all__ = [
    "Scene",
    "Sign",
    "draw",
    "draw_deep",
    "fact_layers",
    "findings_text",
    "impression_text",
    "pair",
    "sample",
    "without",
]
