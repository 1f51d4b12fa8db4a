"""Grey film to model input: one resize, one padding, shared by serving and training.

Knows nothing about files; a prepared image keeps its aspect ratio and fits the visual-token budget.
"""

import hashlib
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from serve_app.domain.radiograph import PATCH_UNIT_PX
from serve_app.imaging.bicubic import resize

PREPARATION_VERSION = "clara-prep-3"


@lru_cache(maxsize=1024)
def fit_tokens(width_px: int, height_px: int, max_visual_tokens: int) -> tuple[int, int]:
    """Choose the largest grid (columns, rows) of visual tokens that holds the film within the budget.

    A film smaller than the budget is enlarged to it: the model was trained on films of one apparent size.
    """
    if max_visual_tokens < 1:
        raise ValueError(f"max_visual_tokens must be at least 1, is {max_visual_tokens}")
    aspect = width_px / height_px
    best = (1, 1)
    best_scale = 0.0
    for rows in range(1, max_visual_tokens + 1):
        columns = max_visual_tokens // rows
        columns = min(columns, max(1, math.ceil(rows * aspect)))
        scale = min(columns * PATCH_UNIT_PX / width_px, rows * PATCH_UNIT_PX / height_px)
        if scale > best_scale * (1 + 1e-9):
            best, best_scale = (columns, rows), scale
    return best


def normalize(film: NDArray[np.uint8], max_visual_tokens: int) -> NDArray[np.uint8]:
    """Resize a film and pad it with black to whole visual tokens.

    Args:
        film: uint8, shape (height, width), displayed as read: air dark, bone bright.
        max_visual_tokens: the budget; one token is 28 x 28 pixels.

    Returns:
        A new uint8 array of shape (rows * 28, columns * 28, 3), grey in RGB, film centred.
    """
    height_px, width_px = film.shape
    columns, rows = fit_tokens(width_px, height_px, max_visual_tokens)
    box_width_px, box_height_px = columns * PATCH_UNIT_PX, rows * PATCH_UNIT_PX
    scale = min(box_width_px / width_px, box_height_px / height_px)
    size = (max(1, min(box_width_px, round(width_px * scale))), max(1, min(box_height_px, round(height_px * scale))))
    resized = resize(film, size)
    canvas = np.zeros((box_height_px, box_width_px, 3), dtype=np.uint8)
    top, left = (box_height_px - size[1]) // 2, (box_width_px - size[0]) // 2
    # All three at once by broadcasting takes four times as long.
    for channel in range(3):
        canvas[top : top + size[1], left : left + size[0], channel] = resized
    return canvas


def digest(pixels: NDArray[np.uint8]) -> str:
    """Name a prepared image: hex SHA-256 over the preparation's version, the shape and the pixels."""
    name = hashlib.sha256(f"{PREPARATION_VERSION}:{pixels.shape}:".encode())
    name.update(np.ascontiguousarray(pixels).data)
    return name.hexdigest()
