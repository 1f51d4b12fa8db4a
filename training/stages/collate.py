"""Converts lessons to model inputs: pixels through the checkpoint's image processor, ids padded at the end."""

from collections.abc import Sequence
from typing import Literal

import torch
from PIL import Image
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import BaseImageProcessor, PreTrainedTokenizerBase

from training.conversation import IGNORED
from training.data.prepared import PreparedRow, pixels_of
from training.stages.lessons import IMAGE_TOKEN, LessonRow


class Collator:
    """Batches lessons with one image each. Picklable, for loader processes.

    `padding_side` is right to train and left to generate: an answer follows the last token.
    """

    def __init__(
        self,
        image_processor: BaseImageProcessor,
        tokenizer: PreTrainedTokenizerBase,
        padding_side: Literal["right", "left"] = "right",
    ) -> None:
        self._image_processor = image_processor
        self._padding_side = padding_side
        self._pad_id: int = tokenizer.pad_token_id
        self._image_id: int = tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)

    def __call__(self, lessons: Sequence[LessonRow]) -> dict[str, Tensor]:
        """Batch lessons; `pixel_values` is float32 (patch, 1176), with the patches of all images in sequence.

        Raises:
            ValueError: the image processor would resize an image, so training and serving would differ.
        """
        token_ids = self._padded([lesson["token_ids"] for lesson in lessons], self._pad_id)
        return {
            **self._images(lessons),
            "input_ids": token_ids,
            "labels": self._padded([lesson["labels"] for lesson in lessons], IGNORED),
            "attention_mask": self._padded([[1] * len(lesson["token_ids"]) for lesson in lessons], 0),
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

    def _padded(self, sequences: Sequence[Sequence[int]], value: int) -> Tensor:
        tensors = [torch.tensor(one) for one in sequences]
        return pad_sequence(tensors, batch_first=True, padding_value=value, padding_side=self._padding_side)


def rgb_of(row: PreparedRow) -> Image.Image:
    """Convert a prepared grey image to RGB, as in serving: three equal channels."""
    return Image.fromarray(pixels_of(row)).convert("RGB")
