"""Every tunable of the platform: default, unit, bounds. The chart's `app:` block is this model.

The defaults are the embedded demo: the bundled model on vLLM's CPU backend, on a machine of two cores.
"""

import os
from pathlib import Path, PurePath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Step(BaseModel):
    """A group of settings; unknown keys are an error, docstrings under fields are their description."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _lay_over_defaults(cls, values: Any) -> Any:
        """Keep the step's own defaults beside the keys that are given: a scaling block differs from step to step."""
        if not isinstance(values, dict):
            return values
        defaults = {name: field.default for name, field in cls.model_fields.items() if isinstance(field.default, Step)}
        nested = {name: default for name, default in defaults.items() if isinstance(values.get(name), dict)}
        return {**values, **{name: {**default.model_dump(), **values[name]} for name, default in nested.items()}}


class Scaling(Step):
    """How a deployment grows, what a replica takes and when new work is turned away."""

    min_replicas: int = Field(1, ge=0)
    """Replicas kept when idle; 0 lets the deployment go away until the next request."""
    max_replicas: int = Field(1, ge=1)
    """Upper bound of the autoscaler."""
    target_ongoing_requests: float = Field(4, gt=0)
    """Requests in progress per replica that the autoscaler aims at."""
    max_ongoing_requests: int = Field(16, ge=1)
    """Requests that one replica works on at a time."""
    max_queued_requests: int = Field(64, ge=-1, json_schema_extra={"not": {"const": 0}})
    """Requests that wait at each caller before new ones get 503; -1 is no bound, and Serve knows no 0."""
    upscale_delay_s: float = Field(10, ge=0)
    """How long demand must last before a replica is added."""
    downscale_delay_s: float = Field(300, ge=0)
    """How long demand must be gone before a replica is taken away."""
    num_cpus: float = Field(0.1, ge=0)
    """CPU cores reserved per replica; a scheduling number, not a limit."""
    num_gpus: float = Field(0, ge=0)
    """GPUs reserved per replica."""
    memory_bytes: int | None = Field(None, ge=1)
    """Memory reserved per replica; none reserves nothing."""
    max_replicas_per_node: int | None = Field(None, ge=1, le=100)
    """Replicas that one node may hold, so that its loss leaves others; none is no bound."""
    max_surge_percent: int = Field(0, ge=0, le=100)
    """Share of replicas, in percent, that may come before others go while settings change; with 0 one goes first.
    Without room for them the old ones serve on, and the new settings wait."""
    health_check_period_s: float = Field(5, gt=0)
    """How often a replica is asked whether it is well."""
    health_check_timeout_s: float = Field(60, gt=0)
    """How long a replica may take to answer that; generous because a busy core answers late."""
    graceful_shutdown_timeout_s: float = Field(60, ge=0)
    """How long a replica may finish its requests before it is killed."""

    @model_validator(mode="after")
    def _bounds_agree(self) -> "Scaling":
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas {self.min_replicas} exceeds max_replicas {self.max_replicas}")
        if self.max_queued_requests == 0:
            raise ValueError("max_queued_requests is 0: Serve takes a number from 1, or -1 for no bound")
        return self


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
    adapters: dict[str, Path] = {}
    """LoRA adapters that vLLM serves beside the base model: a name for each folder."""
    max_adapter_rank: Literal[8, 16, 32, 64, 128, 256] = 16
    """Largest rank among them; room is kept for it."""
    max_model_len: int = Field(1024, ge=128)
    """Longest conversation in tokens, image and answers included."""


class GatewaySettings(Step):
    """The door: FastAPI ingress."""

    scaling: Scaling = Scaling(max_ongoing_requests=256, target_ongoing_requests=64)
    max_upload_bytes: int = Field(50_000_000, ge=1)
    """Largest image file accepted; a 3000 x 3000 16-bit DICOM is 18 MB."""
    upload_timeout_s: float = Field(60, gt=0)
    """How long a client may take to send its form; the largest one in that time is 6.7 Mbit/s."""
    readiness_timeout_s: float = Field(5, gt=0)
    """How long /readyz and /version wait for an engine replica to answer."""
    ping_period_s: float = Field(15, gt=0)
    """How often a silent event stream carries a comment, so that proxies keep it open."""


class OrchestratorSettings(Step):
    """Two-turn chain of thought."""

    placement: Literal["gateway", "separate"] = "gateway"
    """Where it runs: within the gateway's replicas, which saves a hop, or in replicas of its own, which scale apart."""
    scaling: Scaling = Scaling(max_ongoing_requests=64, target_ongoing_requests=16)
    prompt_version: str = "clara-vi-1"
    """Which registered prompts are asked."""
    max_findings_tokens: int = Field(256, ge=1)
    """Longest answer of turn 1."""
    max_impression_tokens: int = Field(128, ge=1)
    """Longest answer of turn 2."""
    findings_adapter: str | None = None
    """Which of `model.adapters` answers turn 1; none is the base model."""
    impression_adapter: str | None = None
    """Which of `model.adapters` answers turn 2; another one than turn 1's cannot reuse its prompt from the cache."""
    deadline_s: float = Field(120, gt=0)
    """Time for a whole report, both turns; after it the engine is told to stop."""

    @property
    def adapters(self) -> frozenset[str]:
        """Those that answer a turn."""
        return frozenset(name for name in (self.findings_adapter, self.impression_adapter) if name is not None)


class ScreenSettings(Step):
    """The gate: is this a chest X-ray?"""

    policy: Literal["enforce", "record"] = "enforce"
    """`enforce` stops what fails, `record` only writes the verdict into the report."""
    pass_score: float = Field(0.8, ge=0, le=1)
    """At or above it the image passes."""
    refuse_score: float = Field(0.3, ge=0, le=1)
    """Below it the image is refused; between the two the client must confirm."""

    @model_validator(mode="after")
    def _order(self) -> "ScreenSettings":
        if self.refuse_score > self.pass_score:
            raise ValueError(f"refuse_score {self.refuse_score} exceeds pass_score {self.pass_score}")
        return self


class PreprocessorSettings(Step):
    """Bytes to model input."""

    scaling: Scaling = Scaling(max_ongoing_requests=4, target_ongoing_requests=2)
    max_visual_tokens: int = Field(64, ge=4)
    """Budget of an image in tokens of 28 x 28 pixels, at most the model's own: the demo 64, the seed's model 1280."""
    max_pixels: int = Field(64_000_000, ge=1)
    """Largest width times height that is decoded."""
    max_frames: int = Field(1, ge=1)
    """Frames accepted in one DICOM object; only the first is read."""
    decode_timeout_s: float = Field(20, gt=0)
    """How long one image may take to decode."""
    num_workers: int = Field(2, ge=1)
    """Images that one replica prepares at the same time, each on a thread."""
    screen: ScreenSettings = ScreenSettings()


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


class TelemetrySettings(Step):
    """What is told about the service; never about a patient."""

    otlp_endpoint: str | None = None
    """Where traces go, for example http://collector:4318/v1/traces; none keeps them off."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severity that is logged."""


class Settings(Step):
    """The whole platform, one group a step."""

    model: ModelSettings = ModelSettings()
    gateway: GatewaySettings = GatewaySettings()
    orchestrator: OrchestratorSettings = OrchestratorSettings()
    preprocessor: PreprocessorSettings = PreprocessorSettings()
    engine: EngineSettings = EngineSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @model_validator(mode="after")
    def _adapters_are_served(self) -> "Settings":
        """An adapter that nobody serves would fail every report: say it before the first one.

        Another server's adapters are looked for at the start, in its own list.
        """
        wanted = self.orchestrator.adapters
        backend = self.engine.backend
        if wanted and backend not in ("vllm", "openai"):
            raise ValueError(f"adapters are served by the backends vllm and openai, not by {backend}")
        if backend == "vllm" and (missing := wanted - set(self.model.adapters)):
            raise ValueError(f"model.adapters does not have {', '.join(sorted(missing))}")
        return self


DEMO_CHECKPOINT = Path(__file__).parent / "models" / "clara-demo"


def served_name(source: str) -> str:
    """Name a checkpoint by the last part of its source: a folder's path stays private."""
    return "clara-demo" if source == "demo" else PurePath(source).name


def prefers_vietnamese() -> bool:
    """Read the language of messages from the environment: LC_ALL, LC_MESSAGES or LANG, the first that is not empty."""
    named = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return next(filter(None, named), "").partition("_")[0].partition(".")[0].lower() == "vi"
