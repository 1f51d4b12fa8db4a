"""The end of a stage: a checkpoint that serving loads and the next stage starts from.

Everything but weights, card and the bound on an image is the base's own, byte for byte, so that prompts and pixels stay
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
# Written anew with the weights, or true of the base alone: its card tells the base's scores.
_OF_THE_BASE = {"config.json", "README.md"}


def base_folder(base: str) -> Path:
    """Find a checkpoint's folder; one of the hub is fetched into the cache first.

    Raises:
        ValueError: no folder is there, and the hub could have none of this name.
    """
    if Path(base).is_dir():
        return Path(base)
    try:
        validate_repo_id(base)
    except HFValidationError:
        raise ValueError(f"no such checkpoint: {base}") from None
    return Path(snapshot_download(base))


def is_weights(file: Path) -> bool:
    """Whether a checkpoint's file holds weights, or says which do."""
    return any(file.match(end) for end in _WEIGHTS)


def export(trainer: Trainer, config: StageConfig, base: Path, max_visual_tokens: int) -> None:
    """Write `checkpoint` (adapters merged) and, with adapters, `adapter`; called by every process."""
    trained = config.out / (_RAW if config.lora is None else ADAPTER)
    # Gathers partitioned weights, so every process takes part; the first one writes.
    trainer.save_model(str(trained))
    # From here on the first process loads whole models, which ZeRO-3 would spread over all of them.
    unset_hf_deepspeed_config()
    if trainer.is_world_process_zero():
        # A pickle of this machine's paths.
        (trained / "training_args.bin").unlink()
        if config.lora is not None:
            # Served beside a base of any budget, it has to tell its own.
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

    # In float32, so that the sum is rounded once.
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
    merged: PreTrainedModel = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    return merged.to(torch.bfloat16)


def bound_images(checkpoint: Path, max_visual_tokens: int) -> None:
    """Have the checkpoint's image processor say how large the films were: serving refuses larger ones."""
    for path in (checkpoint / name for name in (_PROCESSOR, "processor_config.json")):
        told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        # The newer of the two files holds the image processor beside others, if at all.
        processor = told if path.name == _PROCESSOR else told.get("image_processor")
        if processor and not _is_bounded(processor, max_visual_tokens * PATCH_UNIT_PX**2):
            path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _is_bounded(processor: dict[str, Any], max_pixels: int) -> bool:
    """Bound an image processor under each name that it has for that; say whether it was so already."""
    before = json.dumps(processor)
    size = processor.get("size") or {}
    for holder, name in ((processor, "max_pixels"), (size, "max_pixels"), (size, "longest_edge")):
        if name in holder:
            holder[name] = max_pixels
    if "max_pixels" not in processor and not {"max_pixels", "longest_edge"} & size.keys():
        processor["max_pixels"] = max_pixels
    return json.dumps(processor) == before


def _save(model: PreTrainedModel, base: Path, folder: Path, max_visual_tokens: int) -> None:
    """Write to a neighbour and take the name at the end: a kill leaves no half checkpoint."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)
    for file in base.iterdir():
        if file.is_file() and file.name not in _OF_THE_BASE and not is_weights(file):
            shutil.copyfile(file, partial / file.name)
    bound_images(partial, max_visual_tokens)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
