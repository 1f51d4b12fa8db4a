"""Renders a conversation with the checkpoint's chat template, and verifies that every image is in the prompt."""

import math
from collections.abc import Sequence
from typing import Any

from serve_app.domain.conversation import Turn
from serve_app.domain.errors import BadRequest
from serve_app.domain.radiograph import PATCH_UNIT_PX, Radiograph


def chat_text(tokenizer: Any, turns: Sequence[Turn]) -> str:
    """Apply the checkpoint's chat template.

    Raises:
        BadRequest: a turn's text contains one of the model's control tokens.
    """
    controls = tokenizer.all_special_tokens
    if any(control in turn.text for turn in turns for control in controls):
        raise BadRequest("the conversation contains control tokens of the model")
    messages = [{"role": turn.role.value, "content": _content(turn)} for turn in turns]
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return text


def require_images(placed: Sequence[int], images: Sequence[Radiograph]) -> None:
    """Verify that every image is in the prompt, at its prepared size.

    Args:
        placed: visual tokens of each image in the prompt, in order.
        images: the conversation's images.

    Raises:
        RuntimeError: an image is missing, or was resized.
    """
    expected = [math.prod(image.pixels.shape[:2]) // PATCH_UNIT_PX**2 for image in images]
    if list(placed) != expected:
        raise RuntimeError(f"images have {list(placed)} visual tokens in the prompt but were prepared for {expected}")


def _content(turn: Turn) -> list[dict[str, str]]:
    return [{"type": "text", "text": turn.text}, *({"type": "image"} for _ in turn.images)]
