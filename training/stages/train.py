"""Runs one stage of fine-tuning with TRL's trainer, in one process or several. Resumes a killed run."""

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import is_peft_model
from datasets import Dataset, load_from_disk
from transformers import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoTokenizer,
    EarlyStoppingCallback,
    PreTrainedModel,
    TrainerCallback,
)
from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled
from transformers.trainer_utils import EvalLoopOutput
from trl import SFTConfig, SFTTrainer

from training.data.manifest import read_manifest
from training.stages.card import StageCard, StageMetrics, base_data, read_card, write_card
from training.stages.collate import Collator
from training.stages.config import StageConfig
from training.stages.export import CARD, base_folder, export
from training.stages.fact_score import FactScorer, f1
from training.stages.fast_vision import speed_up
from training.stages.lessons import Dropped, lessons_of
from training.stages.progress import MarkComplete, claim, last_complete_state, remove_incomplete_states

if TYPE_CHECKING:
    from peft import LoraConfig

log = logging.getLogger("training.stages")


class StageTrainer(SFTTrainer):
    """TRL's trainer, extended to count this process's lessons, score generated facts, and load all saved weights."""

    num_lessons = 0
    fact_scorer: FactScorer | None = None

    def training_step(self, model: torch.nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        """Count the lessons of the batch, then train on it."""
        self.num_lessons += len(inputs["input_ids"])
        loss: torch.Tensor = super().training_step(model, inputs, *args, **kwargs)  # type: ignore[no-untyped-call]
        return loss

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> EvalLoopOutput:
        """Validate, and score the facts of generated answers."""
        output = super().evaluation_loop(*args, **kwargs)
        if self.fact_scorer is not None:
            output.metrics["eval_fact_f1"] = self._fact_f1(self.fact_scorer)
        return output

    def _fact_f1(self, scorer: FactScorer) -> float:
        spread = {"synced_gpus": is_deepspeed_zero3_enabled()}
        with self.compute_loss_context_manager():
            counts = scorer.counts(self.model, self.args.process_index, self.args.world_size, **spread)
        total = self.accelerator.reduce(torch.tensor(counts, device=self.accelerator.device), "sum")
        return f1(*total.tolist())

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """Train one epoch, unless the saved state was the last: the trainer checks that only after a step."""
        if self.state.stateful_callbacks["TrainerControl"]["args"]["should_training_stop"]:
            self.control.should_training_stop = True
            return
        super()._run_epoch(*args, **kwargs)

    def _load_best_model(self) -> None:
        """Load all weights of the best state; see `_load_from_checkpoint`."""
        if self.is_deepspeed_enabled or is_peft_model(self.model):
            super()._load_best_model()
        else:
            self._load_from_checkpoint(self.state.best_model_checkpoint)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        """Load all saved weights.

        Qwen2-VL's saved weights have other names than its modules. The trainer matches names without
        `from_pretrained`'s conversion, finds none, and would continue with the base's weights after only a warning.
        """
        if is_peft_model(self.model):
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        saved = type(self.model).from_pretrained(resume_from_checkpoint, dtype=self.model.dtype)
        self.model.load_state_dict(saved.state_dict())

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: `training.stages.card` writes the card."""


def train_stage(config: StageConfig) -> StageCard:
    """Train one stage to its end and return its card. A finished stage is not trained again.

    Raises:
        OtherRunError: `config.out` belongs to a run with another configuration, other data or another base.
        ValueError: the data were prepared differently from serving, no lesson is left, or one does not fit the
            checkpoint.
    """
    data = read_manifest(config.data)
    # Created before any weight is loaded, so that DeepSpeed can partition the weights as they are loaded.
    arguments = training_arguments(config)
    if config.deepspeed is not None and not config.use_gpu:
        _start_deepspeed_on_cpus()
    with arguments.main_process_first(local=False):
        if arguments.should_save:
            claim(config, data)
            remove_incomplete_states(Path(arguments.output_dir))
    if (config.out / CARD).exists():
        return read_card(config.out)
    if base_data(config) not in (None, data.manifest_sha256):
        log.warning("the base was trained on other data, which may include patients of this validation set")
    base = base_folder(config.base)
    trainer, dropped = _trainer(config, arguments, base)
    trainer.train(resume_from_checkpoint=_as_text(last_complete_state(Path(arguments.output_dir))))
    metrics = _final_metrics(trainer)
    seen = trainer.accelerator.gather(torch.tensor([trainer.num_lessons], device=trainer.accelerator.device))
    export(trainer, config, base, data.max_visual_tokens)
    if trainer.is_world_process_zero():
        write_card(config, data, metrics, dropped, seen.tolist())
    trainer.accelerator.wait_for_everyone()
    return read_card(config.out)


def training_arguments(config: StageConfig) -> SFTConfig:
    """Convert a stage's configuration to TRL's arguments."""
    is_bf16 = has_bf16(config)
    return SFTConfig(
        output_dir=str(config.out / "states"),
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.schedule,
        warmup_steps=config.warmup_ratio,
        weight_decay=config.weight_decay,
        num_train_epochs=config.epochs or 1,
        max_steps=config.max_steps or -1,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        gradient_checkpointing=config.gradient_checkpointing,
        bf16=is_bf16,
        seed=config.seed,
        data_seed=config.seed,
        save_strategy="steps",
        save_steps=config.save_every_steps,
        save_total_limit=2,
        eval_strategy="steps",
        eval_steps=config.eval_every_steps,
        restore_callback_states_from_checkpoint=config.patience is not None,
        load_best_model_at_end=config.best_by is not None,
        metric_for_best_model=config.best_by,
        greater_is_better=None if config.best_by is None else config.best_by == "fact_f1",
        logging_strategy="steps",
        # So that a short run logs its loss too.
        logging_first_step=True,
        logging_steps=config.log_every_steps,
        report_to=["tensorboard"],
        dataloader_num_workers=config.num_loader_processes,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        deepspeed=_as_text(config.deepspeed),
        use_cpu=not config.use_gpu,
        ddp_find_unused_parameters=False,
    )


def has_bf16(config: StageConfig) -> bool:
    """Decide the precision; `auto` depends on the hardware."""
    if config.precision != "auto":
        return config.precision == "bf16"
    if config.use_gpu:
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # A CPU that only emulates bf16 is three to four times slower than with float32.
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def _trainer(config: StageConfig, arguments: SFTConfig, base: Path) -> tuple[StageTrainer, dict[str, Counter[Dropped]]]:
    tokenizer = AutoTokenizer.from_pretrained(base)
    splits = {name: load_from_disk(str(config.data / name)) for name in ("train", "validation")}
    made = {name: lessons_of(rows, config, tokenizer) for name, rows in splits.items()}
    dropped = {name: counts for name, (_, counts) in made.items()}
    log.info("lessons dropped: %s", {name: dict(counts) for name, counts in dropped.items()})
    for name, (lessons, counts) in made.items():
        if not len(lessons):
            raise ValueError(f"{name} has no lesson; dropped: {dict(counts)}")
    image_processor = AutoImageProcessor.from_pretrained(base)
    trainer = StageTrainer(
        model=load_model(config, arguments, base),
        args=arguments,
        data_collator=Collator(image_processor, tokenizer),
        train_dataset=made["train"][0],
        eval_dataset=made["validation"][0],
        processing_class=tokenizer,
        peft_config=_peft_config(config),
        callbacks=_callbacks(config),
    )
    if config.num_generated_answers:
        lessons = _spread(made["validation"][0], config.num_generated_answers)
        trainer.fact_scorer = FactScorer(lessons, Collator(image_processor, tokenizer, "left"), tokenizer)
    return trainer, dropped


def _callbacks(config: StageConfig) -> list[TrainerCallback]:
    early = [] if config.patience is None else [EarlyStoppingCallback(config.patience)]
    return [MarkComplete(), *early]


def _spread(lessons: Dataset, num_max: int) -> Dataset:
    """Select lessons at equal distances, because the studies of one patient are adjacent."""
    return lessons.select(range(0, len(lessons), max(1, len(lessons) // num_max))).take(num_max)


def load_model(config: StageConfig, arguments: SFTConfig, base: Path) -> PreTrainedModel:
    """Load the checkpoint as this stage trains it."""
    # Trained weights need float32 for small steps; bf16 autocasts them. DeepSpeed keeps its own float32 copy, and
    # frozen weights need none.
    is_half = arguments.bf16 and (config.deepspeed is not None or config.method == "lora")
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.bfloat16 if is_half else torch.float32)
    if config.freeze_vision:
        model.model.visual.requires_grad_(False)
    if not config.use_gpu and config.deepspeed is None:
        speed_up(model.model.visual)
    return model


def _peft_config(config: StageConfig) -> "LoraConfig | None":
    if config.lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=config.lora.rank,
        lora_alpha=config.lora.alpha,
        lora_dropout=config.lora.dropout,
        target_modules=list(config.lora.target_modules),
        exclude_modules=r".*\bvisual\b.*" if config.freeze_vision else None,
        task_type="CAUSAL_LM",
    )


def _final_metrics(trainer: StageTrainer) -> StageMetrics:
    """Read the losses of the exported state from the log. The trainer evaluates at its last step."""
    state = trainer.state
    step = state.best_global_step if trainer.args.load_best_model_at_end else state.global_step
    until = [line for line in state.log_history if line["step"] <= step]
    trained = next(line for line in reversed(until) if "loss" in line)
    evaluated = next(line for line in reversed(until) if "eval_loss" in line)
    return {
        "num_steps": state.global_step,
        "exported_step": step,
        "train_loss": trained["loss"],
        "train_token_accuracy": trained["mean_token_accuracy"],
        "validation_loss": evaluated["eval_loss"],
        "validation_token_accuracy": evaluated["eval_mean_token_accuracy"],
        "validation_fact_f1": evaluated.get("eval_fact_f1"),
    }


def _start_deepspeed_on_cpus() -> None:
    """Give DeepSpeed the connected processes; accelerate does that only on GPUs."""
    import deepspeed

    # DeepSpeed would compile this op; gloo has the same one.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(dist_backend="gloo", auto_mpi_discovery=False)


def _as_text(path: Path | None) -> str | None:
    return None if path is None else str(path)
