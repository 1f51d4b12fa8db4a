"""The model replicas."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from serve_app.settings.scaling import Scaling
from serve_app.settings.step import Step

Backend = Literal["vllm", "transformers", "triton", "openai", "scripted"]


class TritonSettings(Step):
    """An NVIDIA Triton Inference Server with the model repository of k8s/triton; read when the backend is `triton`."""

    address: str = Field("127.0.0.1:8001", pattern=r"^[^/]+:\d+$")
    """Host and gRPC port. Films go there unencrypted: keep it within the cluster, or behind a mesh that encrypts."""
    model: str = Field("clara", min_length=1)
    """The model's name in the server's repository."""
    connect_timeout_s: float = Field(5, gt=0)
    """How long the server may take to accept a connection, or to say that it lives."""
    read_timeout_s: float = Field(60, gt=0)
    """How long it may stay silent within an answer."""


class OpenAISettings(Step):
    """A model server that speaks OpenAI's chat API; read when the engine's backend is `openai`."""

    base_url: str = Field("http://127.0.0.1:8001/v1", pattern=r"^https?://")
    """Where it is, with the API's version. Films go there: beyond this cluster only by https and by contract."""
    model: str | None = None
    """The model's name there; absent, the server must have one only."""
    api_key_file: Path | None = None
    """File that holds the key, mounted from a Secret; absent, none is sent."""
    is_vllm: bool = False
    """The server is vLLM: send its extra fields, by which tenants have caches apart and urgent reports go first."""
    connect_timeout_s: float = Field(5, gt=0)
    """How long the server may take to accept a connection, or to say that it lives."""
    read_timeout_s: float = Field(60, gt=0)
    """How long it may stay silent within an answer."""


class ScriptedSettings(Step):
    """How the scripted engine behaves; read when the backend is `scripted`."""

    image_s: float = Field(0, ge=0)
    """Time to encode an image that the replica does not have in its cache."""
    token_s: float = Field(0, ge=0)
    """Time for each token."""
    cached_images: int = Field(256, ge=0)
    """Images that a replica has in its cache; the one unused the longest goes first."""
    dies_after_tokens: int | None = Field(None, ge=0)
    """Die in the first answer that gets this far; none lives on."""


class AffinitySettings(Step):
    """Which replica an image goes to: always the same one, its home, unless that one has too much to do."""

    max_load_ratio: float = Field(1.25, ge=1)
    """How far above the mean of all replicas the home may be before a new image goes to another one."""
    min_load_requests: int = Field(4, ge=1)
    """With up to so many requests in progress no replica is too busy for its images."""


class EngineSettings(Step):
    """The model replicas."""

    scaling: Scaling = Scaling(
        max_ongoing_requests=32, target_ongoing_requests=8, num_cpus=0.5, health_check_period_s=2
    )
    backend: Backend = "vllm"
    """`vllm` serves the model; `transformers` is plain PyTorch, to debug with; `triton` and `openai` ask a server of
    that kind; `scripted` answers fixed text, for tests."""
    triton: TritonSettings = TritonSettings()
    openai: OpenAISettings = OpenAISettings()
    scripted: ScriptedSettings = ScriptedSettings()
    affinity: AffinitySettings = AffinitySettings()
    stream_interval_tokens: int = Field(16, ge=1)
    """Tokens that vLLM hands over together, here or as a server, after the first one: more cost less, and are read in
    longer steps."""
    kv_cache_bytes: int | None = Field(268_435_456, ge=1)
    """Memory of the key-value cache; none lets vLLM take what `gpu_memory_utilization` leaves."""
    image_cache_bytes: int = Field(268_435_456, ge=1)
    """Memory in vLLM's core for pixels, so that turn 2 need not send them again; an image of the demo takes 1.2 MB."""
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1)
    """Share of a GPU's memory that vLLM may take; unused on CPU."""
    block_size_tokens: int | None = Field(32, ge=1)
    """Prefix-cache granularity; none is vLLM's own. 128, its CPU default, is a whole prompt of the demo."""
    max_num_seqs: int = Field(16, ge=1)
    """Reports generated together."""
    max_num_batched_tokens: int = Field(2048, ge=64)
    """Tokens computed in one step."""
    max_images: int = Field(4, ge=1)
    """Images in one conversation."""
    enforce_eager: bool = True
    """Skip compilation: slower steps, a start in seconds, no compiler needed."""
    tensor_parallel_size: int = Field(1, ge=1)
    """GPUs that share one replica's weights."""
    stall_timeout_s: float = Field(60, gt=0)
    """How long an engine with reports in progress may say nothing, over all of them, before its replica is replaced."""
