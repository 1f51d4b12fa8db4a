"""What a run leaves on disk to go on from: whole states only, under the configuration that it was begun with.

Knows files, not training.
"""

import hashlib
import json
import shutil
from pathlib import Path

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.data.manifest import Prepared
from training.stages.config import StageConfig
from training.stages.export import is_weights

_WHOLE = "whole"
_STATE = "checkpoint-*"


class OtherRunError(ValueError):
    """The folder belongs to a run with another configuration, other data or another base."""


class MarkWhole(TrainerCallback):  # type: ignore[misc]
    """Marks a state once every process has written its part: one that a kill cut short has no mark."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Wait for the other processes, then mark."""
        args.distributed_state.wait_for_everyone()
        if args.should_save:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE).touch()


def last_whole_state(folder: Path) -> Path | None:
    """Find the newest marked state; None where there is none."""
    whole = [mark.parent for mark in folder.glob(f"{_STATE}/{_WHOLE}")]
    return max(whole, key=lambda state: int(state.name.rsplit("-", 1)[1]), default=None)


def clear_cut_short(folder: Path) -> None:
    """Remove the states that a kill cut short."""
    for state in folder.glob(_STATE):
        if not (state / _WHOLE).exists():
            shutil.rmtree(state)


def claim(config: StageConfig, data: Prepared) -> None:
    """Write what the run depends on into its folder, or check that the run there is this one.

    That is the configuration, and what lies at its paths: the data's manifest and the base's weights, which are read.

    Raises:
        OtherRunError: the folder holds another run.
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
            raise OtherRunError(f"{config.out} holds a run with another {', '.join(changed)}")
    config.out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(given, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _weights_sha256(base: Path) -> str | None:
    """Name a folder's weights; None for a checkpoint of the hub, which has its name."""
    if not base.is_dir():
        return None
    names = hashlib.sha256()
    for file in sorted(base.iterdir()):
        if is_weights(file):
            with file.open("rb") as weights:
                names.update(f"{file.name} {hashlib.file_digest(weights, 'sha256').hexdigest()}\n".encode())
    return names.hexdigest()
