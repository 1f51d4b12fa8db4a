"""Writes the checkpoint of a finished stage, for serving and for the next stage.

Everything except weights, card and image bounds is copied from the base byte for byte, so that prompts and pixels stay
the same.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.utils import HFValidationError, validate_repo_id
from transformers import AutoModelForImageTextToText, PreTrainedModel, Trainer
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from serve_app.domain.radiograph import PATCH_UNIT_PX
from training.stages.config import StageConfig

CARD = "stage_card.json"
CHECKPOINT = "checkpoint"
ADAPTER = "adapter"
_RAW = "trained.partial"
_PROCESSOR = "preprocessor_config.json"
_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json", "*.pt")
# Not copied: files that are written with the weights, and files that describe only the base, such as its card.
_OF_THE_BASE = {"config.json", "README.md"}


def base_folder(base: str) -> Path:
    """Find a checkpoint's folder; download it into the cache if it is on the hub.

    Raises:
        ValueError: there is no such folder, and the name is not valid on the hub.
    """
    if Path(base).is_dir():
        return Path(base)
    try:
        validate_repo_id(base)
    except HFValidationError:
        raise ValueError(f"no such checkpoint: {base}") from None
    return Path(snapshot_download(base))


def is_weights(file: Path) -> bool:
    """Whether a file of a checkpoint contains weights, or is the index of those that do."""
    return any(file.match(end) for end in _WEIGHTS)


def export(trainer: Trainer, config: StageConfig, base: Path, max_visual_tokens: int) -> None:
    """Write `checkpoint` (with adapters merged) and, if there are adapters, `adapter`. Every process must call it."""
    trained = config.out / (_RAW if config.lora is None else ADAPTER)
    # Gathers partitioned weights, so every process takes part. The first one writes.
    trainer.save_model(str(trained))
    # From here on the first process loads whole models, which ZeRO-3 would partition over all processes.
    unset_hf_deepspeed_config()
    if trainer.is_world_process_zero():
        # It is a pickle with paths of this machine.
        (trained / "training_args.bin").unlink()
        if config.lora is not None:
            # The adapter may be served with a base of another image budget, so it states its own.
            shutil.copyfile(base / _PROCESSOR, trained / _PROCESSOR)
            bound_images(trained, max_visual_tokens)
        model = _loaded(trained) if config.lora is None else _merged(base, trained)
        _save(model, base, config.out / CHECKPOINT, max_visual_tokens)
        shutil.rmtree(config.out / _RAW, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()


def _loaded(folder: Path) -> PreTrainedModel:
    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.bfloat16)


def _merged(base: Path, adapter: Path) -> PreTrainedModel:
    from peft import PeftModel

    # In float32, so that the sum is rounded only once.
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
    merged: PreTrainedModel = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    return merged.to(torch.bfloat16)


def bound_images(checkpoint: Path, max_visual_tokens: int) -> None:
    """Write the training image size into the checkpoint's image processor: serving rejects a larger budget."""
    for path in (checkpoint / name for name in (_PROCESSOR, "processor_config.json")):
        told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        # The newer of the two files, if present, contains the image processor beside others.
        processor = told if path.name == _PROCESSOR else told.get("image_processor")
        if processor and not _is_bounded(processor, max_visual_tokens * PATCH_UNIT_PX**2):
            path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _is_bounded(processor: dict[str, Any], max_pixels: int) -> bool:
    """Set every key of an image processor that bounds its images. Return whether they were set already."""
    before = json.dumps(processor)
    size = processor.get("size") or {}
    for holder, name in ((processor, "max_pixels"), (size, "max_pixels"), (size, "longest_edge")):
        if name in holder:
            holder[name] = max_pixels
    if "max_pixels" not in processor and not {"max_pixels", "longest_edge"} & size.keys():
        processor["max_pixels"] = max_pixels
    return json.dumps(processor) == before


def _save(model: PreTrainedModel, base: Path, folder: Path, max_visual_tokens: int) -> None:
    """Write to a temporary folder and rename it at the end, so that a kill never leaves half a checkpoint."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)
    for file in base.iterdir():
        if file.is_file() and file.name not in _OF_THE_BASE and not is_weights(file):
            shutil.copyfile(file, partial / file.name)
    bound_images(partial, max_visual_tokens)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
