"""The saved states of a run: only complete ones are resumed, and only with the configuration of the run."""

import hashlib
import json
import shutil
from pathlib import Path

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.data.manifest import Prepared
from training.stages.config import StageConfig
from training.stages.export import is_weights

_COMPLETE = "whole"
_STATE = "checkpoint-*"


class OtherRunError(ValueError):
    """The folder belongs to a run with another configuration, other data or another base."""


class MarkComplete(TrainerCallback):  # type: ignore[misc]
    """Marks a state as complete once every process has written its part. A kill leaves a state without the mark."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Wait for the other processes, then mark the state."""
        args.distributed_state.wait_for_everyone()
        if args.should_save:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _COMPLETE).touch()


def last_complete_state(folder: Path) -> Path | None:
    """Find the newest complete state, or None."""
    whole = [mark.parent for mark in folder.glob(f"{_STATE}/{_COMPLETE}")]
    return max(whole, key=lambda state: int(state.name.rsplit("-", 1)[1]), default=None)


def remove_incomplete_states(folder: Path) -> None:
    """Remove the states that a kill left incomplete."""
    for state in folder.glob(_STATE):
        if not (state / _COMPLETE).exists():
            shutil.rmtree(state)


def claim(config: StageConfig, data: Prepared) -> None:
    """Record the run's inputs in its folder, or verify that the folder belongs to the same run.

    The inputs are the configuration, the hash of the data's manifest and the hash of the base's weights.

    Raises:
        OtherRunError: the folder belongs to another run.
    """
    path = config.out / "config.json"
    given = {
        **config.model_dump(mode="json"),
        "data_manifest_sha256": data.manifest_sha256,
        "base_weights_sha256": _weights_sha256(Path(config.base)),
    }
    if path.exists():
        begun = json.loads(path.read_text(encoding="utf-8"))
        changed = sorted(name for name in given.keys() | begun.keys() if given.get(name) != begun.get(name))
        if changed:
            raise OtherRunError(f"{config.out} belongs to a run with another {', '.join(changed)}")
    config.out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(given, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _weights_sha256(base: Path) -> str | None:
    """Hash a folder's weights. None for a checkpoint on the hub, which its name identifies."""
    if not base.is_dir():
        return None
    names = hashlib.sha256()
    for file in sorted(base.iterdir()):
        if is_weights(file):
            with file.open("rb") as weights:
                names.update(f"{file.name} {hashlib.file_digest(weights, 'sha256').hexdigest()}\n".encode())
    return names.hexdigest()
