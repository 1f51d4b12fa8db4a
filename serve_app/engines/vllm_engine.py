"""The Engine port over vLLM's AsyncLLM. Only this module imports vLLM.

Renders a conversation with the checkpoint's chat template, passes pixels under our image id, and verifies that every
image is in the prompt before anything is generated.
"""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any

import vllm
from PIL import Image
from vllm import AsyncEngineArgs, SamplingParams
from vllm.config import VllmConfig
from vllm.exceptions import GracefulHTTPError, VLLMClientError, VLLMServerError
from vllm.inputs import TextPrompt
from vllm.lora.request import LoRARequest
from vllm.model_executor.models import ModelRegistry
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.platforms import current_platform
from vllm.renderers.inputs.preprocess import parse_model_prompt
from vllm.sampling_params import RequestOutputKind
from vllm.usage.usage_lib import UsageContext
from vllm.utils.ompmultiprocessing import OMPProcessManager
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.executor.uniproc_executor import UniProcExecutor
from vllm.v1.metrics.ray_wrappers import RayPrometheusStatLogger

from serve_app.domain.call import Call
from serve_app.domain.conversation import (
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    Sampling,
    TokenDelta,
    Usage,
)
from serve_app.domain.errors import BadRequest, EngineGone, Overloaded, Unavailable
from serve_app.domain.radiograph import PATCH_UNIT_PX
from serve_app.engines.budget import require_budget
from serve_app.engines.caches import cache_salt, image_id
from serve_app.engines.cause import in_one_line, take_cause
from serve_app.engines.chat import chat_text, require_images
from serve_app.engines.checkpoint import require_checkpoint, verified_sha256
from serve_app.engines.pulse import Pulse
from serve_app.engines.warm_up import warm_up_call, warm_up_request
from serve_app.ports import ModelCard
from serve_app.settings import EngineSettings, ModelSettings, or_none
from serve_app.streams import until
from serve_app.telemetry.logs import Event, Log
from serve_app.timeline import Timeline

log = Log(__name__)


class VllmEngine:
    """Implements the `Engine` port. `stat_loggers` are vLLM stat logger classes."""

    def __init__(
        self,
        model: ModelSettings,
        engine: EngineSettings,
        max_visual_tokens: int,
        otlp_endpoint: str | None = None,
        stat_loggers: Sequence[Any] = (),
        timeline: Timeline | None = None,
    ) -> None:
        self._model = model
        self._max_visual_tokens = max_visual_tokens
        self._args = _engine_args(model, engine, max_visual_tokens, otlp_endpoint)
        self._stream_interval_tokens = engine.stream_interval_tokens
        self._stat_loggers = list(stat_loggers)
        self._timeline = timeline or Timeline()
        self._llm: AsyncLLM | None = None
        self._digest: str | None = None
        self._pulse = Pulse(engine.stall_timeout_s)
        # vLLM numbers adapters from 1.
        self._adapters = {
            name: LoRARequest(name, number, str(path)) for number, (name, path) in enumerate(model.adapters.items(), 1)
        }

    async def start(self) -> None:
        """Load the checkpoint and generate once, also with each adapter; see `ports.Engine`."""
        with self._timeline.phase("load"):
            self._digest = await verified_sha256(self._model, self._loading())
        with self._timeline.phase("warm-up"):
            await self._warm_up()

    async def generate(self, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Stream one answer; see `ports.Engine`."""
        llm = self._running()
        if request.adapter is not None and request.adapter not in self._adapters:
            raise BadRequest("this engine does not serve this adapter")
        with _translated():
            for is_last in (False, True):
                has_begun = False
                try:
                    async with contextlib.aclosing(self._answer(llm, call, request)) as events:
                        async for event in events:
                            has_begun = True
                            yield event
                    return
                except _RequestAborted as error:
                    if has_begun or is_last:
                        raise EngineGone("the model engine aborted this report") from error
                log.warning(Event.ENGINE_RETRY)

    async def check_health(self) -> None:
        """Raise EngineGone if the engine's process is dead or stalled."""
        try:
            await self._running().check_health()
        except VLLMServerError as error:
            raise EngineGone("the model engine is not running") from error
        self._pulse.require()

    async def describe(self) -> ModelCard:
        """Return the model's card; it names the checkpoint, not its folder."""
        model = self._model
        return ModelCard(model.checkpoint_name, "vllm", vllm.__version__, model.trained_views, self._digest)

    async def stop(self) -> None:
        """Shut down the engine's processes."""
        if self._llm is not None:
            self._llm.shutdown()
            self._llm = None

    async def _loading(self) -> None:
        self._llm = self._load()

    def _load(self) -> AsyncLLM:
        require_checkpoint(self._model)
        _register_model_class()
        take_cause()
        try:
            config = self._args.create_engine_config(UsageContext.ENGINE_CONTEXT)
            processor = config.model_config.hf_image_processor_config
            require_budget(processor, self._max_visual_tokens, self._model.adapters.values())
            with _core_threads(config):
                return AsyncLLM.from_vllm_config(config, stat_loggers=self._stat_loggers or None)
        except (OSError, RuntimeError, ValueError) as error:
            raise Unavailable(f"vLLM cannot start: {take_cause() or in_one_line(error)}") from error

    async def _warm_up(self) -> None:
        """Generate with the base model and each adapter: vLLM loads an adapter on first use, and may crash then."""
        for name in (None, *self._adapters):
            request = dataclasses.replace(warm_up_request(f"warm-up-{name or 'base'}"), adapter=name)
            try:
                async for _ in self.generate(warm_up_call(), request):
                    pass
            except EngineGone as error:
                part = "the model" if name is None else f"the adapter {name}"
                raise Unavailable(f"{part} cannot answer: {take_cause() or in_one_line(error)}") from error

    async def _answer(self, llm: AsyncLLM, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        prompt = await self._render(llm, call.principal.tenant, request)
        stream = llm.generate(
            prompt,
            _sampling_params(request.sampling, self._stream_interval_tokens),
            request.request_id,
            lora_request=self._adapters[request.adapter] if request.adapter else None,
            trace_headers=dict(call.trace_context) or None,
            priority=call.priority,
        )
        with self._pulse.request():
            async with contextlib.aclosing(stream):
                num_tokens: Counter[int] = Counter()
                async for output in until(stream, call.deadline_unix_s):
                    self._pulse.beat()
                    for event in _events(output, num_tokens):
                        yield event

    def _running(self) -> AsyncLLM:
        if self._llm is None:
            raise EngineGone("the model engine is not running")
        return self._llm

    async def _render(self, llm: AsyncLLM, tenant: str, request: GenerationRequest) -> Any:
        """Render vLLM's input: chat template, pixels, our image ids and the tenant's salt."""
        images = request.images
        prompt = TextPrompt(prompt=chat_text(llm.renderer.get_tokenizer(), request.turns))
        if images:
            prompt["multi_modal_data"] = {"image": [Image.fromarray(image.pixels) for image in images]}
            prompt["multi_modal_uuids"] = {"image": [image_id(tenant, image.digest) for image in images]}
        prompt["cache_salt"] = cache_salt(tenant)
        (rendered,) = await llm.renderer.render_cmpl_async([parse_model_prompt(llm.model_config, prompt)])
        placed = [place.length for place in rendered.get("mm_placeholders", {}).get("image", [])]
        require_images(placed, images)
        return rendered


class _RequestAborted(Exception):
    """The core aborted a request for a reason that may not occur again.

    The main case: an image's first client left while it was rendered, and vLLM's front end assumes that the core has
    its pixels.
    """


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Translate vLLM's errors into ours."""
    try:
        yield
    except VLLMClientError as error:
        raise BadRequest("the conversation does not fit the model") from error
    except GracefulHTTPError as error:
        raise Overloaded("the model engine's queue is full") from error
    except VLLMServerError as error:
        raise EngineGone("the model engine stopped while it worked on this report") from error


RAY_STAT_LOGGERS = (RayPrometheusStatLogger,)
"""Exports vLLM's own metrics through Ray's metrics port."""
# The full class name, because vLLM replaces the short name "uni" on a CPU.
_UNIPROC_EXECUTOR = f"{UniProcExecutor.__module__}.{UniProcExecutor.__name__}"


def _engine_args(
    model: ModelSettings, engine: EngineSettings, max_visual_tokens: int, otlp_endpoint: str | None
) -> AsyncEngineArgs:
    return AsyncEngineArgs(
        model=model.location,
        revision=or_none(model.revision, "auto"),
        dtype=model.dtype,
        quantization=or_none(model.quantization, "auto"),
        load_format=model.load_format,
        enable_lora=bool(model.adapters),
        # One slot stays empty: vLLM 0.32 on a CPU uses the last slot for a request without an adapter. In a mixed batch
        # the base model would otherwise answer with an adapter (vllm-project/vllm, pull request 48421).
        max_loras=len(model.adapters) + 1,
        max_lora_rank=model.max_adapter_rank,
        max_model_len=model.max_model_len,
        enable_prefix_caching=True,
        block_size=or_none(engine.block_size_tokens, "auto"),
        kv_cache_memory_bytes=or_none(engine.kv_cache_bytes, "auto"),
        # GiB. By default vLLM lets it grow to 4, which exhausts a machine with 8.
        mm_processor_cache_gb=engine.image_cache_bytes / 2**30,
        gpu_memory_utilization=engine.gpu_memory_utilization,
        tensor_parallel_size=engine.tensor_parallel_size,
        distributed_executor_backend=_executor(engine),
        max_num_seqs=engine.max_num_seqs,
        max_num_batched_tokens=engine.max_num_batched_tokens,
        enforce_eager=engine.enforce_eager,
        limit_mm_per_prompt={"image": engine.max_images, "video": 0},
        # Prepared images already have their size: no second resize. `require_images` verifies it.
        mm_processor_kwargs={"min_pixels": PATCH_UNIT_PX**2, "max_pixels": max_visual_tokens * PATCH_UNIT_PX**2},
        # A checkpoint's own sampling defaults must not reach the report of record.
        generation_config="vllm",
        scheduling_policy="priority",
        enable_log_requests=False,
        otlp_traces_endpoint=otlp_endpoint,
    )


def _register_model_class() -> None:
    """Register the model's class on a CPU; otherwise vLLM starts a process to inspect it, which takes 12 s.

    On a GPU vLLM should do that, because importing the class might initialise CUDA in this process.
    """
    if current_platform.is_cpu():
        from vllm.model_executor.models.qwen2_vl import Qwen2VLForConditionalGeneration as Model

        ModelRegistry.register_model(Model.__name__, Model)


def _executor(engine: EngineSettings) -> str | None:
    """Run the model inside the core on a CPU.

    By default vLLM starts a worker process there, to keep the model's threads and their cores out of the core. That
    costs one more process that imports everything, and a hop for every token.
    """
    return _UNIPROC_EXECUTOR if current_platform.is_cpu() and engine.tensor_parallel_size == 1 else None


def _core_threads(config: VllmConfig) -> contextlib.AbstractContextManager[None]:
    """Configure threads for a core that runs the model on a CPU, as vLLM does for a worker."""
    if config.parallel_config.distributed_executor_backend != _UNIPROC_EXECUTOR:
        return contextlib.nullcontext()
    threads: contextlib.AbstractContextManager[None] = OMPProcessManager(config).configure_omp_envs(0, 0)
    return threads


def _sampling_params(sampling: Sampling, stream_interval_tokens: int) -> SamplingParams:
    return SamplingParams(
        n=sampling.num_samples,
        max_tokens=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
        logprobs=sampling.num_logprobs,
        output_kind=RequestOutputKind.DELTA,
        stream_interval=stream_interval_tokens,
    )


def _events(output: RequestOutput, num_tokens: Counter[int]) -> list[GenerationEvent]:
    """Translate vLLM's deltas. `num_tokens` counts each sample's tokens over the whole stream."""
    events: list[GenerationEvent] = []
    for part in output.outputs:
        num_tokens[part.index] += len(part.token_ids)
        if part.text or part.token_ids:
            events.append(TokenDelta(part.text, tuple(part.token_ids), _logprobs(part), part.index))
        if part.finish_reason is not None:
            events.append(_finished(output, part, num_tokens[part.index]))
    return events


def _logprobs(part: CompletionOutput) -> tuple[dict[int, float], ...] | None:
    if part.logprobs is None:
        return None
    return tuple({token: entry.logprob for token, entry in position.items()} for position in part.logprobs)


def _finished(output: RequestOutput, part: CompletionOutput, completion_tokens: int) -> Finished:
    if part.finish_reason == "error":
        raise _RequestAborted
    if part.finish_reason not in ("stop", "length"):
        raise EngineGone("the model engine aborted this report")
    usage = Usage(
        prompt_tokens=len(output.prompt_token_ids or ()),
        completion_tokens=completion_tokens,
        cached_tokens=output.num_cached_tokens or 0,
    )
    return Finished(FinishReason(part.finish_reason), usage, part.index)
