"""Rejects an image budget larger than the checkpoint was trained on, as its Qwen2-VL image processor states it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from serve_app.domain.errors import Unavailable
from serve_app.domain.radiograph import PATCH_UNIT_PX


def require_budget(processor: Mapping[str, Any], max_visual_tokens: int, adapters: Iterable[Path] = ()) -> None:
    """Compare the budget with a checkpoint's image processor, and with the image processors of its adapters.

    Raises:
        Unavailable: one of them was trained on smaller images.
    """
    for configured in (processor, *(_processor_of(adapter) for adapter in adapters)):
        max_pixels = _max_pixels(configured)
        if max_pixels is not None and max_visual_tokens > max_pixels // PATCH_UNIT_PX**2:
            raise Unavailable(
                f"the model was trained on images of at most {max_pixels // PATCH_UNIT_PX**2} visual tokens, "
                f"and preprocessor.max_visual_tokens is {max_visual_tokens}"
            )


def _max_pixels(processor: Mapping[str, Any]) -> int | None:
    """Read the size of the largest image; keys have the same precedence as in transformers."""
    size = processor.get("size")
    inner = size if isinstance(size, Mapping) else {}
    candidates: list[int | None] = [processor.get("max_pixels"), inner.get("max_pixels"), inner.get("longest_edge")]
    return next((pixels for pixels in candidates if pixels is not None), None)


def _processor_of(adapter: Path) -> dict[str, Any]:
    path = adapter / "preprocessor_config.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found
