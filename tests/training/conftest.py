"""A model and a data set so small that a stage of fine-tuning takes seconds, and processes that train it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from transformers import Qwen2VLForConditionalGeneration

from serve_app.domain.facts import Fact, Finding, Severity, Side
from serve_app.domain.study import Age
from serve_app.imaging.normalize import PREPARATION_VERSION
from training.data.fact_json import write_facts
from training.data.store import FEATURES
from training.demo.checkpoint import model_config, save_checkpoint
from training.demo.tokenizer import build_tokenizer
from training.phantoms import findings_text, impression_text

ROOT = Path(__file__).parents[2]
TINY = ROOT / "training" / "configs" / "tiny"
# Told to die, it is killed in its sixth step, with a half-written state beside the whole ones.
RUN = """
import os, signal, sys
from pathlib import Path
from accelerate import PartialState
from training.stages import train
from training.stages.config import load_config

fate, path, *changes = sys.argv[1:]
config = load_config(Path(path), tuple(changes))
learn = train.StageTrainer.training_step

def die(self, *args, **kwargs):
    loss = learn(self, *args, **kwargs)
    if self.state.global_step == 5:
        (config.out / "states" / "checkpoint-6").mkdir()
        os.kill(os.getpid(), signal.SIGKILL)
    return loss

if fate == "die":
    train.StageTrainer.training_step = die
train.train_stage(config)
# Left to the interpreter's end, gloo's threads abort the process now and then; under Ray, Ray does this.
PartialState().destroy_process_group()
"""
SIZES_PX = ((56, 84), (84, 56))
STUDIES = (
    (),
    (Fact(Finding.CARDIOMEGALY),),
    (Fact(Finding.EFFUSION, side=Side.LEFT, severity=Severity.MILD), Fact(Finding.PACEMAKER, side=Side.LEFT)),
)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2-VL of random weights in the shape of the demo's, two layers each."""
    import torch

    tokenizer = build_tokenizer("clara-vi-1")
    config = model_config(tokenizer)
    config.text_config.num_hidden_layers = config.vision_config.depth = 2
    config.text_config.layer_types = config.text_config.layer_types[:2]
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("base") / "tiny"
    save_checkpoint(Qwen2VLForConditionalGeneration(config), tokenizer, folder, max_visual_tokens=6)
    return folder


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared data set: 24 training studies, 4 of validation."""
    folder = tmp_path_factory.mktemp("data")
    for split, num_studies in (("train", 24), ("validation", 4)):
        rows = [row(f"{split}-{index}", index) for index in range(num_studies)]
        Dataset.from_list(rows, features=FEATURES).save_to_disk(str(folder / split))
    manifest = {"preparation_version": PREPARATION_VERSION, "max_visual_tokens": 6}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def row(study_id: str, index: int) -> dict[str, object]:
    """One prepared study; the film is noise, the text is a drawn film's."""
    height_px, width_px = SIZES_PX[index % 2]
    facts = STUDIES[index % len(STUDIES)]
    return {
        "study_id": study_id,
        "patient_id": study_id,
        "pixels": np.random.default_rng(index).integers(0, 256, height_px * width_px, dtype=np.uint8).tobytes(),
        "height_px": height_px,
        "width_px": width_px,
        "digest": study_id,
        "sex": "male" if index % 2 else None,
        "age": str(Age(40 + index)),
        "view": "PA",
        "findings": findings_text(facts),
        "impression": impression_text(facts),
        "facts": write_facts(facts),
    }


@pytest.fixture
def run_processes() -> Callable[..., list[int]]:
    """Train the tiny first stage in connected processes of its own, without Ray; return their exit statuses."""

    def run(num_processes: int, fate: str, *changes: str) -> list[int]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-c", RUN, fate, str(TINY / "findings.yaml"), *changes]
        group = {"WORLD_SIZE": str(num_processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        common = {**os.environ, **group, "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}
        running = [
            subprocess.Popen(command, cwd=ROOT, env={**common, "RANK": rank, "LOCAL_RANK": rank}, stdout=sys.stderr)
            for rank in map(str, range(num_processes))
        ]
        return [process.wait(timeout=240) for process in running]

    return run
