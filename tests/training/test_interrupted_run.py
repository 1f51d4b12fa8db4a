"""A run killed without warning goes on from its last whole state and ends where an unbroken one ends."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from training.stages.config import StageConfig, load_config
from training.stages.train import StageTrainer, train_stage

TINY = Path(__file__).parents[2] / "training" / "configs" / "tiny"
RunProcesses = Callable[..., list[int]]
LORA = ("method=lora", "lora.rank=4", "lora.dropout=0.1")


def changes(base: Path, data: Path, out: Path) -> tuple[str, ...]:
    return f"base={base}", f"data={data}", f"out={out}", "max_steps=8", "eval_every_steps=8"


def losses(config: StageConfig) -> dict[int, float]:
    state = json.loads((config.out / "states" / "checkpoint-8" / "trainer_state.json").read_text())
    return {line["step"]: line["loss"] for line in state["log_history"] if "loss" in line}


def require_same_end(one: StageConfig, other: StageConfig) -> None:
    assert list(losses(one)) == list(range(1, 9))
    assert losses(one) == pytest.approx(losses(other), rel=1e-5)
    assert_close(*(load_file(run.out / "checkpoint" / "model.safetensors") for run in (one, other)))


@pytest.fixture
def unbroken(tiny_base: Path, tiny_data: Path, tmp_path: Path) -> StageConfig:
    config = load_config(TINY / "findings.yaml", changes(tiny_base, tiny_data, tmp_path / "whole"))
    train_stage(config)
    return config


def test_a_killed_run_ends_with_the_losses_and_weights_of_an_unbroken_one(
    unbroken: StageConfig, run_processes: RunProcesses, tiny_base: Path, tiny_data: Path, tmp_path: Path
) -> None:
    killed = changes(tiny_base, tiny_data, tmp_path / "killed")
    assert run_processes(1, "die", *killed) == [-signal.SIGKILL]
    card = train_stage(config := load_config(TINY / "findings.yaml", killed))
    # From step 4 to step 8, two lessons a step: not a step more was done again.
    assert card["num_lessons_by_process"] == [8]
    require_same_end(config, unbroken)


@pytest.mark.slow
def test_a_killed_run_with_spread_weights_goes_on_as_well(
    unbroken: StageConfig, run_processes: RunProcesses, tiny_base: Path, tiny_data: Path, tmp_path: Path
) -> None:
    spread = f"deepspeed={TINY / 'zero3_offload.json'}"
    killed = (*changes(tiny_base, tiny_data, tmp_path / "killed"), spread)
    assert run_processes(1, "die", *killed) == [-signal.SIGKILL]
    assert run_processes(1, "live", *killed) == [0]
    require_same_end(load_config(TINY / "findings.yaml", killed), unbroken)


def test_a_broken_run_of_adapters_goes_on_as_well(
    tiny_base: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = (
        load_config(TINY / "findings.yaml", (*changes(tiny_base, tiny_data, tmp_path / name), *LORA))
        for name in ("whole", "broken")
    )
    train_stage(whole)
    learn = StageTrainer.training_step

    def fail(self: StageTrainer, *args: object) -> object:
        if self.state.global_step == 5:
            raise MemoryError
        return learn(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(StageTrainer, "training_step", fail)
        with pytest.raises(MemoryError):
            train_stage(broken)
    assert train_stage(broken)["num_lessons_by_process"] == [8]
    require_same_end(broken, whole)


@pytest.mark.parametrize("more", [(), LORA], ids=["weights", "adapters"])
def test_a_run_broken_after_its_last_step_only_writes_its_checkpoint(
    more: tuple[str, ...], tiny_base: Path, tiny_data: Path, tmp_path: Path
) -> None:
    # No round's end: a step too many would find lessons left.
    short = ("max_steps=4", "save_every_steps=2", "eval_every_steps=4")
    config = load_config(TINY / "findings.yaml", (*changes(tiny_base, tiny_data, tmp_path / "out"), *short, *more))
    card = train_stage(config)
    before = load_file(config.out / "checkpoint" / "model.safetensors")
    shutil.rmtree(config.out / "checkpoint")
    (config.out / "stage_card.json").unlink()
    again = train_stage(config)
    assert again["num_lessons_by_process"] == [0]
    assert again["metrics"] == card["metrics"]
    assert_close(load_file(config.out / "checkpoint" / "model.safetensors"), before, rtol=0, atol=0)


def test_a_finished_stage_is_not_trained_again(tiny_base: Path, tiny_data: Path, tmp_path: Path) -> None:
    short = (*changes(tiny_base, tiny_data, tmp_path / "out"), "max_steps=1", "save_every_steps=1")
    config = load_config(TINY / "findings.yaml", short)
    card = train_stage(config)
    (config.out / "checkpoint" / "model.safetensors").unlink()
    assert train_stage(config) == card
    assert not (config.out / "checkpoint" / "model.safetensors").exists()


def test_films_prepared_otherwise_than_serving_does_are_not_learned_from(tiny_base: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"preparation_version": "clara-prep-0", "max_visual_tokens": 6}')
    config = load_config(TINY / "findings.yaml", changes(tiny_base, tmp_path, tmp_path / "out"))
    with pytest.raises(ValueError, match="was prepared by clara-prep-0"):
        train_stage(config)
    assert not config.out.exists()
