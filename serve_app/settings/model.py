"""The checkpoint."""

from pathlib import Path, PurePath
from typing import Literal

from pydantic import Field

from serve_app.settings.step import Step


class ModelSettings(Step):
    """Which checkpoint is served."""

    source: str = Field("demo", min_length=1)
    """`demo` for the bundled demonstration model, a folder, or a hub id such as Qwen/Qwen2-VL-7B-Instruct."""
    revision: str | None = None
    """Commit of a hub model; pin it in production."""
    name: str | None = None
    """The name that reports carry; the source's last part when absent."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Arithmetic of the weights; bfloat16 on GPUs, float32 on CPUs."""
    quantization: str | None = None
    """How vLLM holds the weights, such as fp8 or awq_marlin: less memory, other numbers. Score it anew."""
    load_format: str = "auto"
    """How vLLM reads the weights, such as runai_streamer from object storage."""
    adapters: dict[str, Path] = Field({})
    """LoRA adapters that vLLM serves beside the base model: a name for each folder."""
    max_adapter_rank: Literal[8, 16, 32, 64, 128, 256] = 16
    """Largest rank among them; room is kept for it."""
    max_model_len: int = Field(1024, ge=128)
    """Longest conversation in tokens, image and answers included."""


DEMO_CHECKPOINT = Path(__file__).parents[1] / "models" / "clara-demo"


def served_name(source: str) -> str:
    """Name a checkpoint by the last part of its source: a folder's path stays private."""
    return "clara-demo" if source == "demo" else PurePath(source).name
