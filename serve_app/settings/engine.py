from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from serve_app.settings.step import Scaling, Step

Backend = Literal["vllm", "transformers", "triton", "openai", "scripted"]


class ServerSettings(Step):
    """How long the engine waits for a model server."""

    connect_timeout_s: float = Field(5, gt=0)
    """Seconds the server may take to accept a connection or to answer a health check."""
    read_timeout_s: float = Field(60, gt=0)
    """Seconds the server may pause within an answer; then the report fails."""


class TritonSettings(ServerSettings):
    """A Triton Inference Server with the model repository of k8s/triton; used when the backend is `triton`."""

    address: str = Field("127.0.0.1:8001", pattern=r"^[^/]+:\d+$")
    """Host and gRPC port. Images travel unencrypted: keep the server in the cluster, or behind a mesh that encrypts."""
    model: str = Field("clara", min_length=1)
    """Model name in the server's repository."""


class OpenAISettings(ServerSettings):
    """A model server with OpenAI's chat API; used when the backend is `openai`."""

    base_url: str = Field("http://127.0.0.1:8001/v1", pattern=r"^https?://")
    """URL with the API's version. Images are sent there: outside this cluster use https and have a contract."""
    model: str = Field("auto", min_length=1)
    """Model name at the server; "auto" takes its only model, and fails if it has several."""
    api_key_file: Path | Literal["none"] = "none"
    """File with the API key, mounted from a Secret; "none" sends no key."""
    is_vllm: bool = False
    """Whether the server is vLLM. Extra fields then separate tenants' caches and put urgent reports first."""


class ScriptedSettings(Step):
    """How the scripted engine behaves; used when the backend is `scripted`."""

    image_s: float = Field(0, ge=0)
    """Seconds to encode an image that is not in the replica's cache."""
    token_s: float = Field(0, ge=0)
    """Seconds per token."""
    cached_images: int = Field(256, ge=0)
    """Images in a replica's cache; the least recently used one is dropped first."""
    dies_after_tokens: NonNegativeInt | Literal["never"] = "never"
    """Tokens in one answer after which the engine dies; "never" keeps it alive."""


class AffinitySettings(Step):
    """Which replica an image goes to: always the same one, its home, unless that one is overloaded."""

    max_load_ratio: float = Field(1.25, ge=1)
    """Load of the home replica, as a multiple of the mean, above which a new image goes to another replica."""
    min_load_requests: int = Field(4, ge=1)
    """Requests in progress up to which a replica never counts as overloaded."""


class EngineSettings(Step):
    """The model replicas."""

    scaling: Scaling = Scaling(
        max_ongoing_requests=32, target_ongoing_requests=8, num_cpus=0.5, health_check_period_s=2
    )
    backend: Backend = "vllm"
    """What runs the model: `vllm`; `transformers`, plain PyTorch for debugging; `triton` or `openai`, a server of that
    kind; `scripted`, fixed text for tests."""
    triton: TritonSettings = TritonSettings()
    openai: OpenAISettings = OpenAISettings()
    scripted: ScriptedSettings = ScriptedSettings()
    affinity: AffinitySettings = AffinitySettings()
    stream_interval_tokens: int = Field(16, ge=1)
    """Tokens per streamed piece after the first, in vLLM or its server. More cost less CPU and arrive less often."""
    kv_cache_bytes: PositiveInt | Literal["auto"] = 268_435_456
    """Memory of the key-value cache in bytes; "auto" takes what `gpu_memory_utilization` leaves."""
    image_cache_bytes: int = Field(268_435_456, ge=1)
    """Memory for pixels in vLLM's core, in bytes; it spares turn 2 sending them again. A demo image takes 1.2 MB."""
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1)
    """Share of a GPU's memory that vLLM may use, from 0 to 1; ignored on CPUs."""
    block_size_tokens: PositiveInt | Literal["auto"] = 32
    """Tokens per prefix-cache block; "auto" uses vLLM's default. Its CPU default, 128, spans the demo's whole prompt:
    turn 2 could reuse nothing."""
    max_num_seqs: int = Field(16, ge=1)
    """Most answers generated at the same time; further requests wait in the engine."""
    max_num_batched_tokens: int = Field(2048, ge=64)
    """Most tokens computed in one step; further ones wait for the next."""
    max_images: int = Field(4, ge=1)
    """Most images in one conversation; vLLM rejects a request with more."""
    enforce_eager: bool = True
    """Whether vLLM skips compilation: steps are slower, but it starts in seconds and needs no compiler."""
    tensor_parallel_size: int = Field(1, ge=1)
    """GPUs that share one replica's weights."""
    stall_timeout_s: float = Field(60, gt=0)
    """Seconds without any token, across all its requests, after which a busy engine's replica is replaced."""
