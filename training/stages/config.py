"""The configuration of one stage of fine-tuning: a YAML file, validated strictly."""

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, field_validator, model_validator

from serve_app.reasoning.prompts import PROMPTS


class Stage(StrEnum):
    FINDINGS = "findings"
    IMPRESSION = "impression"
    CHAT = "chat"


class LoraSettings(BaseModel):
    """Low-rank adapters instead of all weights (PEFT's LoraConfig)."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    rank: PositiveInt = 16
    """Inner width of an adapter."""
    alpha: PositiveInt = 32
    """Scale of an adapter: its output is multiplied by alpha / rank."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Dropout ratio of an adapter's inputs."""
    target_modules: tuple[str, ...] = Field(
        default=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), min_length=1
    )
    """Layers that get an adapter, by the ends of their names. Qwen2-VL's vision tower has qkv, proj, fc1 and fc2."""


class StageConfig(BaseModel):
    """One stage. Paths are relative to the folder where a run is started; `deepspeed` is relative to this file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    stage: Stage
    """The answers to learn: the findings, the impression, or every answer of the whole conversation."""
    base: str = Field(min_length=1)
    """Checkpoint to start from: a folder (the previous stage's `checkpoint`) or a repository on the hub."""
    data: Path
    """Prepared data set: a folder with `train` and `validation`."""
    out: Path
    """Folder of this run: states to resume from, logs, and at the end `checkpoint`, `adapter` and `stage_card.json`.
    With several machines it must be on shared storage."""
    licence: str | None = None
    """Licence on the checkpoint's card. The terms of base and data also apply. Null: not stated, as the card says."""
    prompt_version: str = "clara-vi-1"
    """Version of the registered prompts. Serving must use the same."""
    method: Literal["full", "lora"] = "full"
    """full: train all weights. lora: train adapters, which are merged at the end."""
    lora: LoraSettings | None = None
    """Adapter settings: required if `method` is lora, otherwise null."""
    learning_rate: PositiveFloat
    """Peak learning rate."""
    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """Learning rate schedule after the warm-up."""
    warmup_ratio: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps spent on warm-up."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's weight decay."""
    epochs: PositiveFloat | None = None
    """Passes over the training lessons. Set either this or `max_steps`."""
    max_steps: PositiveInt | None = None
    """Optimiser steps. Set either this or `epochs`."""
    batch_size: PositiveInt = 1
    """Lessons per batch of a worker."""
    gradient_accumulation: PositiveInt = 1
    """Batches per optimiser step and worker. A step uses batch_size * gradient_accumulation * num_workers lessons."""
    max_length_tokens: PositiveInt
    """Longest lesson in tokens, including visual tokens. Longer lessons are dropped and counted, never truncated."""
    max_follow_ups: int = Field(default=3, ge=0)
    """Follow-up questions per study in stage chat, where the true facts of the image are known."""
    save_every_steps: PositiveInt
    """Steps between saved states. A killed run loses at most this many."""
    eval_every_steps: PositiveInt
    """Steps between validations."""
    num_generated_answers: int = Field(default=0, ge=0)
    """Validation lessons to generate an answer for at each validation; the F1 of its facts is `fact_f1`. 0: none."""
    best_by: Literal["fact_f1", "loss"] | None = None
    """Validation measure that chooses the state to export; every validation saves one. Null: export the last state."""
    patience: PositiveInt | None = None
    """Validations in a row without a better `best_by`, after which training stops. Null: train to the end."""
    log_every_steps: PositiveInt = 10
    """Steps between log lines."""
    seed: int = Field(default=0, ge=0)
    """Random seed of adapters, lesson order and follow-up questions."""
    precision: Literal["bf16", "fp32", "auto"] = "auto"
    """Precision. auto: bf16 if the hardware supports it natively, otherwise fp32."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: about a third more time, a fraction of the memory."""
    deepspeed: Path | None = None
    """Path of a DeepSpeed JSON file, for ZeRO. Null: no DeepSpeed."""
    num_workers: PositiveInt = 1
    """Training processes. With `use_gpu`, each has its own GPU."""
    num_cpus_per_worker: PositiveInt = 1
    """CPU cores that Ray reserves per worker; without GPUs also its number of threads."""
    use_gpu: bool = False
    """Train on GPUs (NCCL); otherwise on CPUs (gloo)."""
    max_restarts: int = Field(default=0, ge=0)
    """How often the workers are restarted after one died. They resume from the last state."""
    num_loader_processes: int = Field(default=0, ge=0)
    """Loader processes per worker, which cut images into patches. 0: the worker does it itself."""
    freeze_vision: bool = False
    """Freeze the vision tower and its merger. LoRA trains them only if `target_modules` names them."""

    @field_validator("prompt_version")
    @classmethod
    def _is_registered(cls, version: str) -> str:
        if version not in PROMPTS:
            raise ValueError(f"must be one of: {', '.join(PROMPTS)}")
        return version

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.method == "lora") != (self.lora is not None):
            raise ValueError("lora must be set if method is lora, and only then")
        if (self.epochs is None) == (self.max_steps is None):
            raise ValueError("set either epochs or max_steps")
        if self.patience is not None and self.best_by is None:
            raise ValueError("patience needs best_by")
        if self.best_by == "fact_f1" and not self.num_generated_answers:
            raise ValueError("best_by fact_f1 needs num_generated_answers above 0")
        if self.best_by is not None and self.save_every_steps != self.eval_every_steps:
            raise ValueError(
                "best_by needs save_every_steps equal to eval_every_steps: only a saved state can be exported"
            )
        return self


def load_config(path: Path, changes: tuple[str, ...] = ()) -> StageConfig:
    """Read a YAML file and apply changes: `key=value`, where the value is YAML and a nested key dotted (`lora.rank=8`).

    Raises:
        ValueError: a change has no `=`, or the result is not a valid configuration (pydantic's ValidationError).
    """
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    if fields.get("deepspeed"):
        fields["deepspeed"] = path.parent / fields["deepspeed"]
    for change in changes:
        key, is_given, value = change.partition("=")
        if not is_given:
            raise ValueError(f"{change} does not have the form key=value")
        _set(fields, key.split("."), yaml.safe_load(value))
    return StageConfig.model_validate(fields)


def _set(fields: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        fields[key] = dict(fields.get(key) or {})
        fields = fields[key]
    fields[keys[-1]] = value
