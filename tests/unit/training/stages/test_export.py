"""A checkpoint tells the budget that it was trained at in each place where programs look for it."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoImageProcessor

from serve_app.domain.errors import Unavailable
from serve_app.engines.budget import require_budget
from training.stages.export import bound_images

PX = 28 * 28
# Qwen2-VL's on the hub, as transformers saves it, both, and one that leaves it to the class.
FORMS: list[dict[str, Any]] = [
    {"min_pixels": 4 * PX, "max_pixels": 16384 * PX},
    {"size": {"shortest_edge": 4 * PX, "longest_edge": 16384 * PX}},
    {"max_pixels": 1280 * PX, "size": {"shortest_edge": 4 * PX, "longest_edge": 16384 * PX}},
    {},
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("is_nested", [False, True])
def test_the_bound_is_what_transformers_and_serving_read(form: dict[str, Any], is_nested: bool, tmp_path: Path) -> None:
    processor = {"image_processor_type": "Qwen2VLImageProcessor", "patch_size": 14, **form}
    told = {"processor_class": "Qwen2VLProcessor", "image_processor": processor} if is_nested else processor
    path = tmp_path / ("processor_config.json" if is_nested else "preprocessor_config.json")
    path.write_text(json.dumps(told))
    bound_images(tmp_path, 640)
    assert AutoImageProcessor.from_pretrained(tmp_path).size["longest_edge"] == 640 * PX
    saved = json.loads(path.read_text())
    saved = saved["image_processor"] if is_nested else saved
    assert {name: saved[name] for name in ("image_processor_type", "patch_size")} == {
        name: processor[name] for name in ("image_processor_type", "patch_size")
    }
    require_budget(saved, 640)
    with pytest.raises(Unavailable):
        require_budget(saved, 641)


def test_a_base_of_the_same_budget_stays_as_it_is(base: Path) -> None:
    before = (base / "preprocessor_config.json").read_bytes()
    bound_images(base, 36)
    assert (base / "preprocessor_config.json").read_bytes() == before
