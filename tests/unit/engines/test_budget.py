"""A checkpoint is served on films as large as it was trained for, and no larger."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from serve_app.domain.errors import Unavailable
from serve_app.engines.budget import require_budget
from serve_app.engines.transformers_engine import TransformersEngine
from serve_app.settings import DEMO_CHECKPOINT, Settings

PX = 28 * 28
FORMS: dict[str, dict[str, Any]] = {
    "the hub's": {"min_pixels": 4 * PX, "max_pixels": 640 * PX},
    "as transformers saves it": {"size": {"shortest_edge": PX, "longest_edge": 640 * PX}},
    "as it did": {"size": {"min_pixels": PX, "max_pixels": 640 * PX}},
    "both, of which transformers takes the first": {"max_pixels": 640 * PX, "size": {"longest_edge": 1280 * PX}},
}


@pytest.mark.parametrize("form", FORMS)
def test_films_are_no_larger_than_the_checkpoint_s(form: str) -> None:
    require_budget(FORMS[form], 640)
    with pytest.raises(Unavailable, match=r"at most 640 visual tokens, and preprocessor\.max_visual_tokens is 641"):
        require_budget(FORMS[form], 641)


@pytest.mark.parametrize("silent", [{}, {"size": {"height": 448, "width": 448}}, {"size": 448, "max_pixels": None}])
def test_a_checkpoint_that_does_not_say_is_served(silent: dict[str, Any]) -> None:
    require_budget(silent, 16384)


def test_nor_than_an_adapter_s(tmp_path: Path) -> None:
    (tmp_path / "silent").mkdir()
    (tmp_path / "told").mkdir()
    (tmp_path / "told" / "preprocessor_config.json").write_text(json.dumps(FORMS["the hub's"]))
    adapters = [tmp_path / "silent", tmp_path / "told"]
    require_budget({}, 640, adapters)
    with pytest.raises(Unavailable, match="at most 640"):
        require_budget({}, 1280, adapters)


async def test_an_engine_does_not_start_on_larger_films(tmp_path: Path) -> None:
    # Refused before a weight is read: there is none.
    for name in ("config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(DEMO_CHECKPOINT / name, tmp_path)
    model = Settings.model_validate({"model": {"source": str(tmp_path)}}).model
    with pytest.raises(Unavailable, match=r"at most 64 visual tokens, and preprocessor\.max_visual_tokens is 65"):
        await TransformersEngine(model, Settings().engine, 65).start()
