"""A stage's configuration is read strictly, and every shipped one is valid."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from training.stages import config as module
from training.stages import export
from training.stages.config import Stage, StageConfig, load_config

ROOT = Path(__file__).parents[4]
CONFIGS = ROOT / "training" / "configs"
SHIPPED = sorted(CONFIGS.glob("*/*.yaml"))
TINY = CONFIGS / "tiny" / "findings.yaml"


def test_each_recipe_has_its_three_stages_and_each_starts_from_the_last() -> None:
    assert {path.parent.name for path in SHIPPED} == {"demo", "full", "lora24", "tiny"}
    for folder in {path.parent for path in SHIPPED}:
        first, second, third = (load_config(folder / f"{stage}.yaml") for stage in Stage)
        assert [one.stage for one in (first, second, third)] == list(Stage)
        assert Path(second.base) == first.out / "checkpoint"
        assert Path(third.base) == second.out / "checkpoint"
        assert len({one.data for one in (first, second, third)}) == 1


def test_the_full_recipe_is_the_seeds() -> None:
    for stage in Stage:
        config = load_config(CONFIGS / "full" / f"{stage}.yaml")
        assert (config.method, config.num_workers, config.use_gpu) == ("full", 7, True)
        assert (config.precision, config.gradient_checkpointing) == ("bf16", True)
        assert config.deepspeed is not None
        zero = json.loads(config.deepspeed.read_text(encoding="utf-8"))["zero_optimization"]
        assert zero["stage"] == 3
        assert zero["offload_param"]["device"] == zero["offload_optimizer"]["device"] == "cpu"
        assert zero["stage3_gather_16bit_weights_on_model_save"] is True


@pytest.mark.parametrize(
    "change",
    [
        "learning_rat=0.1",
        "lora.ranks=8",
        "method=lora",
        "lora={}",
        "epochs=1",
        "max_steps=null",
        "learning_rate=0",
        "batch_size=0",
        "prompt_version=clara-vi-0",
        "precision=fp16",
        "stage=findings-and-impression",
        "num_workers",
        "patience=1",
        "best_by=loss",
        "best_by=bleu",
    ],
)
def test_a_slip_is_refused(change: str) -> None:
    load_config(TINY)
    with pytest.raises(ValueError, match=r"validation error|key=value"):
        load_config(TINY, (change,))


def test_changes_reach_nested_fields_and_leave_the_others() -> None:
    config = load_config(CONFIGS / "tiny" / "chat.yaml", ("lora.rank=8", "out=elsewhere", "max_steps=9"))
    assert config.lora is not None
    assert (config.lora.rank, config.lora.alpha) == (8, 8)
    assert (config.out, config.max_steps) == (Path("elsewhere"), 9)


def test_a_configuration_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        load_config(TINY).seed = 1


@pytest.mark.parametrize("model", [StageConfig, module.LoraSettings])
def test_every_field_is_explained(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_the_deepspeed_file_lies_beside_the_file_that_names_it() -> None:
    assert load_config(CONFIGS / "full" / "chat.yaml").deepspeed == CONFIGS / "full" / "zero3_offload.json"


def test_a_worker_loads_neither_ray_nor_deepspeed_by_itself() -> None:
    code = "import sys, training.launch, training.stages.train; print({'ray', 'deepspeed'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@pytest.mark.parametrize("base", ["runs/full/findings/checkpoint", "/nowhere", "./nowhere", "nowhere/", "a b/c"])
def test_a_base_that_is_no_folder_and_no_name_on_the_hub_is_refused(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "snapshot_download", pytest.fail)
    with pytest.raises(ValueError, match=f"^no such checkpoint: {base}$"):
        export.base_folder(base)


def test_a_name_on_the_hub_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "snapshot_download", lambda name: f"/cache/{name}")
    assert export.base_folder("Qwen/Qwen2-VL-7B-Instruct") == Path("/cache/Qwen/Qwen2-VL-7B-Instruct")
