"""What one stage of fine-tuning depends on: a YAML file, read strictly.

Knows the choices and their bounds, not how they are carried out.
"""

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
    """Scale of an adapter; it counts as alpha / rank."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Share of an adapter's inputs left out at random."""
    target_modules: tuple[str, ...] = Field(
        default=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), min_length=1
    )
    """Ends of the names of the layers that get one. Qwen2-VL's vision tower calls its own qkv, proj, fc1, fc2."""


class StageConfig(BaseModel):
    """One stage. Paths are relative to the folder a run is started in, `deepspeed` to the file that names it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    stage: Stage
    """What is learned: the findings, the impression, or every answer of the whole conversation."""
    base: str = Field(min_length=1)
    """Checkpoint to start from: a folder (the last stage's `checkpoint`) or the name of a repository on the hub."""
    data: Path
    """Prepared data set: a folder with `train` and `validation`."""
    out: Path
    """Folder of this run: what to go on from, logs, and at the end `checkpoint`, `adapter` and `stage_card.json`.
    With several machines it lies on storage that all of them see."""
    licence: str | None = None
    """Told on the checkpoint's card; the terms of base and data bind it. None: the card says that it is not stated."""
    prompt_version: str = "clara-vi-1"
    """The registered prompts to ask in; serving must use the same."""
    method: Literal["full", "lora"] = "full"
    """Train all weights, or adapters that are merged at the end."""
    lora: LoraSettings | None = None
    """Given exactly when `method` is lora."""
    learning_rate: PositiveFloat
    """Peak of the schedule."""
    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """How the rate goes on after the warm-up."""
    warmup_ratio: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps in which the rate climbs."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's decay of the weights."""
    epochs: PositiveFloat | None = None
    """Rounds through the training lessons; either this or `max_steps`."""
    max_steps: PositiveInt | None = None
    """Optimiser steps; either this or `epochs`."""
    batch_size: PositiveInt = 1
    """Lessons a worker holds at once."""
    gradient_accumulation: PositiveInt = 1
    """Batches a worker adds up before a step; a step sees batch_size * gradient_accumulation * num_workers lessons."""
    max_length_tokens: PositiveInt
    """Longest lesson, visual tokens included; longer ones are dropped and counted, never cut."""
    max_follow_ups: int = Field(default=3, ge=0)
    """Stage chat: questions asked after the report where the truth about the film is known."""
    save_every_steps: PositiveInt
    """Steps between states to go on from; a killed run loses at most these."""
    eval_every_steps: PositiveInt
    """Steps between losses on the validation lessons."""
    log_every_steps: PositiveInt = 10
    """Steps between lines of the training log."""
    seed: int = Field(default=0, ge=0)
    """Of adapters, the lessons' order and the choice of follow-up questions."""
    precision: Literal["bf16", "fp32", "auto"] = "auto"
    """auto: bf16 where the hardware multiplies it natively, else fp32."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass: about a third more time for a fraction of the memory."""
    deepspeed: Path | None = None
    """DeepSpeed's JSON, for ZeRO; null does without DeepSpeed."""
    num_workers: PositiveInt = 1
    """Training processes; each has a GPU to itself if `use_gpu`."""
    num_cpus_per_worker: PositiveInt = 1
    """CPU cores that Ray keeps for a worker; on CPUs also the threads it computes with."""
    use_gpu: bool = False
    """Train on GPUs (NCCL); otherwise on CPUs (gloo)."""
    max_restarts: int = Field(default=0, ge=0)
    """Times that the workers are started again after one died; each time they go on from the last state."""
    num_loader_processes: int = Field(default=0, ge=0)
    """Processes a worker that cut films into patches ahead of the model; 0 does it in the worker."""
    freeze_vision: bool = False
    """Leave the vision tower and its merger as they are; LoRA reaches them only by their names in `target_modules`."""

    @field_validator("prompt_version")
    @classmethod
    def _is_registered(cls, version: str) -> str:
        if version not in PROMPTS:
            raise ValueError(f"must be one of: {', '.join(PROMPTS)}")
        return version

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.method == "lora") != (self.lora is not None):
            raise ValueError("lora is given exactly when method is lora")
        if (self.epochs is None) == (self.max_steps is None):
            raise ValueError("give either epochs or max_steps")
        return self


def load_config(path: Path, changes: tuple[str, ...] = ()) -> StageConfig:
    """Read a YAML file; each change is `key=value`, the value YAML, a nested key dotted (`lora.rank=8`).

    Raises:
        ValueError: a change has no `=`, or the outcome is no valid configuration (pydantic's ValidationError).
    """
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    if fields.get("deepspeed"):
        fields["deepspeed"] = path.parent / fields["deepspeed"]
    for change in changes:
        key, is_given, value = change.partition("=")
        if not is_given:
            raise ValueError(f"{change} is not of the form key=value")
        _set(fields, key.split("."), yaml.safe_load(value))
    return StageConfig.model_validate(fields)


def _set(fields: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        fields[key] = dict(fields.get(key) or {})
        fields = fields[key]
    fields[keys[-1]] = value
