"""`python -m training.killed_run`: trains a stage twice, once with its worker killed, and records both losses.

Trains the tiny first stage on drawn studies under Ray Train. The worker gets SIGKILL midway between two saved states.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from training.data.phantom_studies import write_phantoms
from training.data.prepare import prepare
from training.stages.card import commit
from training.stages.progress import last_complete_state

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "training" / "configs" / "tiny" / "findings.yaml"
RESULT = Path(__file__).parent / "results" / "killed_run.json"
NUM_STEPS, SAVE_EVERY_STEPS = 40, 10
_NUM_STUDIES = 100
_MAX_VISUAL_TOKENS = 36
_POLL_S = 0.05


def losses(out: Path) -> dict[int, float]:
    """Read the training loss of every step from a run's last state."""
    state = json.loads((out / "states" / f"checkpoint-{NUM_STEPS}" / "trainer_state.json").read_text(encoding="utf-8"))
    return {line["step"]: line["loss"] for line in state["log_history"] if "loss" in line}


def train(data: Path, out: Path, kill_after_steps: int | None = None) -> int | None:
    """Train the stage. If asked, kill its worker after a step's state is complete, and return the step of the kill."""
    changes = {
        "data": data,
        "out": out,
        "max_steps": NUM_STEPS,
        "save_every_steps": SAVE_EVERY_STEPS,
        "eval_every_steps": NUM_STEPS,
        "max_restarts": 1,
    }
    options = [word for name, value in changes.items() for word in ("--set", f"{name}={value}")]
    command = [sys.executable, "-m", "training.launch", str(CONFIG), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        killed = None if kill_after_steps is None else _kill_worker(process, out, kill_after_steps)
    if process.returncode:
        raise RuntimeError(f"the run ended with {process.returncode}")
    return killed


def _kill_worker(process: "subprocess.Popen[bytes]", out: Path, after_steps: int) -> int:
    """Kill the training worker with SIGKILL a few steps after a complete state."""
    while (state := last_complete_state(out / "states")) is None or _step(state) < after_steps:
        if process.poll() is not None:
            raise RuntimeError("the run ended before it could be killed")
        time.sleep(_POLL_S)
    # Wait for steps that no state contains yet.
    time.sleep(20 * _POLL_S)
    children = psutil.Process(process.pid).children(recursive=True)
    (worker,) = (child for child in children if "RayTrainWorker" in " ".join(child.cmdline()))
    worker.kill()
    return _step(state)


def _step(state: Path) -> int:
    return int(state.name.rsplit("-", 1)[1])


def measure() -> dict[str, Any]:
    """Draw and prepare studies, train once without and once with a kill, and return both loss curves."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "prepared"
        write_phantoms(Path(folder) / "studies", _NUM_STUDIES, seed=1)
        prepare(Path(folder) / "studies", data, _MAX_VISUAL_TOKENS)
        train(data, Path(folder) / "unbroken")
        killed_after = train(data, Path(folder) / "killed", SAVE_EVERY_STEPS)
        curves = {name: losses(Path(folder) / name) for name in ("unbroken", "killed")}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "config": str(CONFIG.relative_to(ROOT)),
        "killed_after_whole_state_of_step": killed_after,
        "largest_difference": max(
            abs(curves["unbroken"][step] - curves["killed"][step]) for step in curves["unbroken"]
        ),
        "losses": curves,
    }


def main() -> None:
    """Show that a killed run has the same loss curve as an unbroken one."""
    parser = argparse.ArgumentParser(prog="python -m training.killed_run", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=RESULT)
    out = parser.parse_args().out
    result = measure()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
