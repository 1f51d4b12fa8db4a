from pathlib import Path, PurePath
from typing import Literal

from pydantic import Field

from serve_app.settings.step import Step, or_none


class ModelSettings(Step):
    """Which checkpoint is served."""

    source: str = Field("demo", min_length=1)
    """Checkpoint: `demo` for the bundled model, a folder, or a hub id such as Qwen/Qwen2-VL-7B-Instruct."""
    revision: str = Field("auto", min_length=1)
    """Commit of a hub model; pin it in production. "auto" takes the hub's default branch."""
    digest: str = Field("none", pattern=r"^(none|[0-9a-f]{64})$")
    """SHA-256 of the checkpoint's files together, as a report's `model_digest` and `clara evaluate` name it; with any
    other the engine does not start. Of a hub id it covers the files in the cache. Adapters are not part of it. "none"
    accepts every checkpoint but a changed `demo`."""
    name: str = Field("auto", min_length=1)
    """Model name in reports; "auto" takes the last part of `source`, or the model server's own name."""
    trained_views: tuple[Literal["frontal", "lateral"], ...] = ("frontal",)
    """Views the checkpoint was trained on; every report names them, so that a reader can hold them against its
    images."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Number format of the weights: bfloat16 on GPUs, float32 on CPUs."""
    quantization: str = Field("auto", min_length=1)
    """Quantization in vLLM, such as fp8 or awq_marlin. It saves memory and changes the answers: evaluate the model
    again. "auto" follows the checkpoint's configuration."""
    load_format: str = "auto"
    """Weight loader in vLLM, such as runai_streamer for object storage; "auto" lets vLLM choose."""
    adapters: dict[str, Path] = Field({})
    """LoRA adapters that vLLM serves beside the base model: folder by name."""
    max_adapter_rank: Literal[8, 16, 32, 64, 128, 256] = 16
    """Highest rank among the adapters; vLLM reserves memory for it and rejects a higher one."""
    max_model_len: int = Field(1024, ge=128)
    """Longest conversation in tokens, images and answers included. Answers are cut there, longer prompts rejected."""

    @property
    def location(self) -> str:
        """Folder or hub id."""
        return str(DEMO_CHECKPOINT) if self.source == "demo" else self.source

    @property
    def expected_digest(self) -> str | None:
        """SHA-256 that the checkpoint must have; null accepts any."""
        return or_none(self.digest, "none") or (DEMO_SHA256 if self.source == "demo" else None)

    @property
    def checkpoint_name(self) -> str:
        """Model name in reports: `name`, or the last part of `source`, since a folder's path stays private."""
        return or_none(self.name, "auto") or ("clara-demo" if self.source == "demo" else PurePath(self.source).name)


DEMO_CHECKPOINT = Path(__file__).parents[1] / "models" / "clara-demo"
DEMO_SHA256 = "c44550489751e88905679a92de2d95a8ee3a73239c3f471106bea0c1aa8dd1b6"
"""Digest of the demo checkpoint; its published scores name the same one."""
