"""A checkpoint of the demo's shape, and rows as the preparation writes them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from serve_app.domain.facts import Fact
from training.data.fact_json import write_facts
from training.demo.checkpoint import build_model, save_checkpoint
from training.demo.tokenizer import build_tokenizer
from training.phantoms import findings_text, impression_text
from training.stages.config import StageConfig

Row = dict[str, object]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint") / "base"
    tokenizer = build_tokenizer("clara-vi-1")
    save_checkpoint(build_model(tokenizer, seed=3), tokenizer, folder, max_visual_tokens=36)
    return folder


@pytest.fixture(scope="session")
def tokenizer(base: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(base)


@pytest.fixture
def config() -> Callable[..., StageConfig]:
    def make(stage: str, **changes: object) -> StageConfig:
        needed = {"base": "base", "data": "data", "out": "out", "learning_rate": 1e-3, "max_steps": 1}
        every = {"save_every_steps": 1, "eval_every_steps": 1, "max_length_tokens": 1024}
        return StageConfig.model_validate({"stage": stage, **needed, **every, **changes})

    return make


@pytest.fixture
def row() -> Callable[..., Row]:
    def make(*facts: Fact, study_id: str = "one", size_px: tuple[int, int] = (84, 56), **changes: object) -> Row:
        height_px, width_px = size_px
        pixels = np.random.default_rng(0).integers(0, 256, height_px * width_px, dtype=np.uint8).tobytes()
        made: Row = {
            "study_id": study_id,
            "patient_id": "someone",
            "pixels": pixels,
            "height_px": height_px,
            "width_px": width_px,
            "digest": "0",
            "sex": "female",
            "age": "063Y",
            "view": "PA",
            "findings": findings_text(facts),
            "impression": impression_text(facts),
            "facts": write_facts(facts),
        }
        return {**made, **changes}

    return make
