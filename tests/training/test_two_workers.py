"""Two processes train one model together: connected by gloo, by Ray Train, and with ZeRO-3 and CPU offload."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "training" / "configs" / "tiny"


@pytest.fixture
def changes(tiny_base: Path, tiny_data: Path, tmp_path: Path) -> tuple[str, ...]:
    given = (f"base={tiny_base}", f"data={tiny_data}", f"out={tmp_path / 'out'}", "num_workers=2")
    return *given, "eval_every_steps=2", "num_generated_answers=3", "best_by=fact_f1"


def launch(*changes: str) -> None:
    """Run the shipped tiny stage by the entry point that a cluster uses."""
    options = [word for change in changes for word in ("--set", change)]
    command = [sys.executable, "-m", "training.launch", str(CONFIGS / "findings.yaml"), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert '"num_lessons_by_process"' in done.stdout


def require_shared_work(out: Path) -> None:
    card = json.loads((out / "stage_card.json").read_text())
    # Six steps of two lessons in each process: all 24 once.
    assert card["num_lessons_by_process"] == [12, 12]
    state = json.loads((out / "states" / "checkpoint-6" / "trainer_state.json").read_text())
    scores = [line["eval_fact_f1"] for line in state["log_history"] if "eval_fact_f1" in line]
    assert len(scores) == 3 and all(0 <= score <= 1 for score in scores)
    losses = [line["loss"] for line in state["log_history"] if "loss" in line]
    assert len(losses) == 6
    assert losses[-1] < losses[0] - 1
    assert (out / "checkpoint" / "model.safetensors").is_file()


def test_two_processes_share_the_lessons_and_the_loss_falls(
    run_processes: Callable[..., list[int]], changes: tuple[str, ...], tmp_path: Path
) -> None:
    assert run_processes(2, "live", *changes) == [0, 0]
    require_shared_work(tmp_path / "out")


@pytest.mark.slow
@pytest.mark.cluster
def test_two_ray_workers_do_as_well(changes: tuple[str, ...], tmp_path: Path) -> None:
    launch(*changes)
    require_shared_work(tmp_path / "out")


@pytest.mark.slow
@pytest.mark.cluster
def test_two_ray_workers_with_spread_and_offloaded_weights_do_as_well(changes: tuple[str, ...], tmp_path: Path) -> None:
    as_in_the_full_recipe = ("precision=bf16", "gradient_checkpointing=true")
    launch(*changes, f"deepspeed={CONFIGS / 'zero3_offload.json'}", *as_in_the_full_recipe)
    require_shared_work(tmp_path / "out")
