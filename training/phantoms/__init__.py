"""Chest films drawn by code, with the truth about them and the report a radiologist might write."""

from training.phantoms.draw import draw, draw_16_bit, finding_layers
from training.phantoms.findings import Finding
from training.phantoms.report import findings_of, findings_text, impression_text
from training.phantoms.scene import Scene, pair, sample

__all__ = [
    "Finding",
    "Scene",
    "draw",
    "draw_16_bit",
    "finding_layers",
    "findings_of",
    "findings_text",
    "impression_text",
    "pair",
    "sample",
]
