"""Speeds up Qwen2-VL's vision tower for mixed batches on a CPU: images with equal grids are encoded together.

Replaces the stock forward with `training.vision`. The weights stay in the stock model. A test compares both results.
"""

import types
from collections import defaultdict

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VisionTransformerPretrainedModel

from training.vision import encode


def speed_up(visual: Qwen2VisionTransformerPretrainedModel) -> None:
    """Replace the tower's forward. Not for partitioned weights (ZeRO-3): it reads a weight outside its own module."""
    visual.forward = types.MethodType(_forward, visual)


def _forward(
    visual: Qwen2VisionTransformerPretrainedModel, hidden_states: Tensor, grid_thw: Tensor, **_: object
) -> BaseModelOutputWithPooling:
    """Encode images; `hidden_states` (patch, 1176) and the result have the images in the order of `grid_thw`."""
    grids = [tuple(grid) for grid in grid_thw.tolist()]
    images = hidden_states.split(grid_thw.prod(dim=1).tolist())
    places = defaultdict(list)
    for place, grid in enumerate(grids):
        places[grid].append(place)
    encoded: list[Tensor] = [hidden_states] * len(grids)
    for grid, members in places.items():
        group = encode(visual, torch.stack([images[place] for place in members]), grid)
        for place, image in zip(members, group, strict=True):
            encoded[place] = image
    last = torch.cat(encoded)
    return BaseModelOutputWithPooling(last_hidden_state=last, pooler_output=visual.merger(last))
