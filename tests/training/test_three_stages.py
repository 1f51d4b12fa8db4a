"""The three shipped tiny stages run one after the other; the last checkpoint loads in transformers and answers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from serve_app.domain.study import Patient
from serve_app.reasoning.prompts import PROMPTS
from training.conversation import messages, question_ids
from training.stages.config import Stage, StageConfig, load_config
from training.stages.train import train_stage

CONFIGS = Path(__file__).parents[2] / "training" / "configs" / "tiny"


@pytest.fixture(scope="module")
def stages(tiny_base: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[StageConfig]:
    """The three configurations, trained."""
    root = tmp_path_factory.mktemp("stages")
    bases = (tiny_base, root / Stage.FINDINGS / "checkpoint", root / Stage.IMPRESSION / "checkpoint")
    configs = [
        load_config(CONFIGS / f"{stage}.yaml", (f"base={base}", f"data={tiny_data}", f"out={root / stage}"))
        for stage, base in zip(Stage, bases, strict=True)
    ]
    for config in configs:
        train_stage(config)
    return configs


def test_each_stage_moves_the_weights_that_it_trains(stages: list[StageConfig]) -> None:
    for config in stages:
        before, after = (_weights(Path(folder)) for folder in (config.base, config.out / "checkpoint"))
        moved = {name for name in before if not torch.equal(before[name], after[name])}
        sees = {name for name in moved if "visual" in name}
        assert moved - sees
        assert bool(sees) is not config.freeze_vision


def test_all_but_the_weights_stays_the_bases(stages: list[StageConfig], tiny_base: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "preprocessor_config.json"):
        assert (stages[-1].out / "checkpoint" / name).read_bytes() == (tiny_base / name).read_bytes()


def test_the_adapter_tells_its_budget_as_well(stages: list[StageConfig], tiny_base: Path) -> None:
    name = "preprocessor_config.json"
    assert (stages[-1].out / "adapter" / name).read_bytes() == (tiny_base / name).read_bytes()


def test_each_checkpoint_has_a_card_for_people(stages: list[StageConfig]) -> None:
    for config in stages:
        card = (config.out / "checkpoint" / "README.md").read_text(encoding="utf-8")
        assert config.base in card and "Not a medical device" in card and "not stated" in card
        assert "{" not in card and f"{config.max_steps} steps of" in card


def test_the_merged_checkpoint_is_the_base_with_its_adapter(stages: list[StageConfig]) -> None:
    from peft import PeftModel

    last = stages[-1]
    adapted = PeftModel.from_pretrained(
        AutoModelForImageTextToText.from_pretrained(last.base, dtype=torch.float32), last.out / "adapter"
    ).merge_and_unload()
    merged = _weights(last.out / "checkpoint")
    for name, weight in adapted.state_dict().items():
        torch.testing.assert_close(merged[name], weight.to(torch.bfloat16).float())


def test_the_last_checkpoint_answers_the_served_question(stages: list[StageConfig]) -> None:
    folder = stages[-1].out / "checkpoint"
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    film = Image.fromarray(np.full((56, 84, 3), 90, dtype=np.uint8))
    image = AutoImageProcessor.from_pretrained(folder)(images=[film], return_tensors="pt")
    ids = torch.tensor([question_ids(tokenizer, messages(PROMPTS["clara-vi-1"], Patient()), 6)])
    types = (ids == model.config.image_token_id).int()
    answer = model.generate(input_ids=ids, mm_token_type_ids=types, **image, max_new_tokens=8, do_sample=False)
    assert 1 <= answer.shape[1] - ids.shape[1] <= 8
    assert torch.equal(answer[:, : ids.shape[1]], ids)


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).state_dict()
