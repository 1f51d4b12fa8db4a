"""The grouped vision tower gives what the stock one gives, forwards and backwards, on images of mixed grids."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageTextToText

from training.stages.fast_vision import speed_up

SIZES_PX = ((56, 84), (84, 56), (56, 84), (112, 112), (84, 56))


@pytest.fixture(scope="module")
def films(base: Path) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in SIZES_PX]
    return dict(AutoImageProcessor.from_pretrained(base)(images=images, return_tensors="pt"))


def test_it_equals_the_stock_tower_on_mixed_grids(base: Path, films: dict[str, torch.Tensor]) -> None:
    assert len({tuple(grid) for grid in films["image_grid_thw"].tolist()}) == 3
    stock = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32).model.visual
    fast = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32).model.visual
    speed_up(fast)
    expected = stock(films["pixel_values"], grid_thw=films["image_grid_thw"])
    found = fast(films["pixel_values"], grid_thw=films["image_grid_thw"])
    torch.testing.assert_close(found.last_hidden_state, expected.last_hidden_state, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.pooler_output, expected.pooler_output, atol=1e-5, rtol=1e-4)
    for outcome in (found, expected):
        outcome.pooler_output.square().mean().backward()
    pairs = zip(fast.named_parameters(), stock.parameters(), strict=True)
    for (name, quick), slow in pairs:
        torch.testing.assert_close(quick.grad, slow.grad, atol=1e-6, rtol=1e-3, msg=name)


def test_the_whole_model_answers_the_same(base: Path, films: dict[str, torch.Tensor]) -> None:
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32).eval()
    with torch.inference_mode():
        expected = model.model.get_image_features(films["pixel_values"], films["image_grid_thw"]).pooler_output
        speed_up(model.model.visual)
        found = model.model.get_image_features(films["pixel_values"], films["image_grid_thw"]).pooler_output
    assert [len(image) for image in found] == [6, 6, 6, 16, 6]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
