"""Converts lessons to model inputs: pixels through the checkpoint's image processor, ids padded at the end."""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import BaseImageProcessor, PreTrainedTokenizerBase

from training.conversation import IGNORED
from training.data.prepared import PreparedRow, pixels_of
from training.stages.lessons import IMAGE_TOKEN, LessonRow


class Collator:
    """Batches lessons with one image each. Picklable, for loader processes."""

    def __init__(self, image_processor: BaseImageProcessor, tokenizer: PreTrainedTokenizerBase) -> None:
        self._image_processor = image_processor
        self._pad_id: int = tokenizer.pad_token_id
        self._image_id: int = tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)

    def __call__(self, lessons: Sequence[LessonRow]) -> dict[str, Tensor]:
        """Batch lessons; `pixel_values` is float32 (patch, 1176), with the patches of all images in sequence.

        Raises:
            ValueError: the image processor would resize an image, so training and serving would differ.
        """
        token_ids = _padded([lesson["token_ids"] for lesson in lessons], self._pad_id)
        labels = _padded([lesson["labels"] for lesson in lessons], IGNORED)
        lengths = torch.tensor([len(lesson["token_ids"]) for lesson in lessons])
        return {
            **self._images(lessons),
            "input_ids": token_ids,
            "labels": labels,
            "attention_mask": (torch.arange(token_ids.shape[1]) < lengths[:, None]).long(),
            "mm_token_type_ids": (token_ids == self._image_id).int(),
        }

    def _images(self, lessons: Sequence[LessonRow]) -> dict[str, Tensor]:
        films = [rgb_of(lesson) for lesson in lessons]
        patch_px = self._image_processor.patch_size
        processed = self._image_processor(images=films, return_tensors="pt")
        grids = [[1, film.height // patch_px, film.width // patch_px] for film in films]
        if processed["image_grid_thw"].tolist() != grids:
            raise ValueError("the checkpoint's image processor would resize a prepared image: see its pixel bounds")
        return {"pixel_values": processed["pixel_values"], "image_grid_thw": processed["image_grid_thw"]}


def rgb_of(row: PreparedRow) -> Image.Image:
    """Convert a prepared grey image to RGB, as in serving: three equal channels."""
    return Image.fromarray(pixels_of(row)).convert("RGB")


def _padded(sequences: Sequence[Sequence[int]], value: int) -> Tensor:
    return pad_sequence([torch.tensor(one) for one in sequences], batch_first=True, padding_value=value)
