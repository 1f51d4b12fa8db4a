"""Qwen2-VL's vision tower for mixed batches on a CPU: images of equal grid go through it together.

The same maths as `training.vision`, in the place of the stock forward. The weights stay in the stock model; a test
holds both to the same result.
"""

import types
from collections import defaultdict

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.qwen2_vl.modeling_qwen2_vl import (
    Qwen2VisionTransformerPretrainedModel,
    apply_rotary_pos_emb_vision,
)
from transformers.vision_utils import get_vision_position_ids


def speed_up(visual: Qwen2VisionTransformerPretrainedModel) -> None:
    """Replace the tower's forward; not for partitioned weights (ZeRO-3): it reads one outside its own module."""
    visual.forward = types.MethodType(_forward, visual)


def _forward(
    visual: Qwen2VisionTransformerPretrainedModel, hidden_states: Tensor, grid_thw: Tensor, **_: object
) -> BaseModelOutputWithPooling:
    """Encode images; `hidden_states` (patch, 1176) and the outcome keep the images in the order of `grid_thw`."""
    grids = [tuple(grid) for grid in grid_thw.tolist()]
    images = hidden_states.split(grid_thw.prod(dim=1).tolist())
    places = defaultdict(list)
    for place, grid in enumerate(grids):
        places[grid].append(place)
    encoded: list[Tensor] = [hidden_states] * len(grids)
    for grid, members in places.items():
        group = _encode(visual, torch.stack([images[place] for place in members]), grid)
        for place, image in zip(members, group, strict=True):
            encoded[place] = image
    last = torch.cat(encoded)
    return BaseModelOutputWithPooling(last_hidden_state=last, pooler_output=visual.merger(last))


def _encode(visual: Qwen2VisionTransformerPretrainedModel, patches: Tensor, grid: tuple[int, ...]) -> Tensor:
    """Encode images of one grid: (image, patch, 1176) to (image, patch, width)."""
    weight = visual.patch_embed.proj.weight
    hidden = linear(patches.to(weight.dtype), weight.reshape(weight.shape[0], -1))
    positions = get_vision_position_ids(torch.tensor([grid]), visual.spatial_merge_size)
    rotation = visual.rotary_pos_emb(hidden, positions)
    for block in visual.blocks:
        hidden = hidden + _attend(block.attn, block.norm1(hidden), rotation)
        hidden = hidden + block.mlp(block.norm2(hidden))
    return hidden


def _attend(attention: nn.Module, hidden: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    images, patches, _ = hidden.shape
    query, key, value = attention.qkv(hidden).reshape(images, patches, 3, attention.num_heads, -1).unbind(2)
    query, key = apply_rotary_pos_emb_vision(query, key, *rotation)
    mixed = scaled_dot_product_attention(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2))
    return attention.proj(mixed.transpose(1, 2).reshape(images, patches, -1))
