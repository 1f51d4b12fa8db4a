"""The fast vision path gives what the stock model and its image processor give."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, BaseImageProcessor
from transformers import Qwen2VLForConditionalGeneration as Model

from training.demo.checkpoint import build_model, save_checkpoint
from training.demo.tokenizer import build_tokenizer
from training.vision import patches_of, visual_tokens

TOKENIZER = build_tokenizer("clara-vi-1")


@pytest.fixture(scope="module")
def model() -> Model:
    return build_model(TOKENIZER, seed=3).eval()


@pytest.fixture(scope="module")
def processor(model: Model, tmp_path_factory: pytest.TempPathFactory) -> BaseImageProcessor:
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(model, TOKENIZER, folder, 36)
    return AutoImageProcessor.from_pretrained(folder)


@pytest.mark.parametrize(("rows", "columns"), [(6, 6), (7, 5), (5, 7)])
def test_the_fast_vision_path_equals_the_stock_one(
    model: Model, processor: BaseImageProcessor, rows: int, columns: int
) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (3, rows * 28, columns * 28), dtype=np.uint8)
    prepared = processor(images=[Image.fromarray(film).convert("RGB") for film in grey], return_tensors="pt")
    assert prepared["image_grid_thw"].tolist() == [[1, rows * 2, columns * 2]] * 3
    films = torch.from_numpy(grey)
    stock_patches = prepared["pixel_values"].reshape(3, rows * columns * 4, -1)
    torch.testing.assert_close(patches_of(films), stock_patches, atol=1e-5, rtol=0)
    with torch.inference_mode():
        stock = model.model.visual(prepared["pixel_values"], prepared["image_grid_thw"]).pooler_output
        fast = visual_tokens(model.model.visual, films)
    torch.testing.assert_close(fast.reshape(stock.shape), stock, atol=1e-5, rtol=1e-4)


def test_a_checkpoint_is_small_and_in_bfloat16(tmp_path: Path) -> None:
    model = build_model(TOKENIZER, seed=3)
    save_checkpoint(model, TOKENIZER, tmp_path, 36)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 16 * 2**20
    assert model.dtype == torch.float32
