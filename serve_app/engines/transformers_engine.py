"""The Engine port in plain PyTorch, for debugging on a CPU or one GPU.

Batches concurrent requests, streams, and stops generating when a client leaves. Needs torch and transformers, but
neither vLLM nor Ray.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import torch
import transformers
from PIL import Image
from tokenizers.decoders import DecodeStream
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer
from transformers.models.auto.image_processing_auto import get_image_processor_config

from serve_app.domain.call import Call
from serve_app.domain.conversation import (
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    TokenDelta,
    Usage,
)
from serve_app.domain.errors import BadRequest, EngineGone, Unavailable
from serve_app.domain.radiograph import PATCH_UNIT_PX
from serve_app.engines.budget import require_budget
from serve_app.engines.cause import in_one_line
from serve_app.engines.chat import chat_text, require_images
from serve_app.engines.checkpoint import require_checkpoint, verified_sha256
from serve_app.engines.pulse import Pulse
from serve_app.engines.torch_batch import LogProbabilities, Runner, Sequence
from serve_app.engines.warm_up import warm_up_call, warm_up_request
from serve_app.ports import ModelCard
from serve_app.settings import EngineSettings, ModelSettings, or_none
from serve_app.streams import until
from serve_app.timeline import Timeline

_IMAGE = "<|image_pad|>"
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class TransformersEngine:
    """Implements the `Engine` port. Greedy answers are reproducible, whatever else is in the batch."""

    def __init__(
        self,
        model: ModelSettings,
        engine: EngineSettings,
        max_visual_tokens: int,
        timeline: Timeline | None = None,
    ) -> None:
        self._settings = model
        self._max_num_seqs = engine.max_num_seqs
        self._max_visual_tokens = max_visual_tokens
        self._runner: Runner | None = None
        self._digest: str | None = None
        self._pulse = Pulse(engine.stall_timeout_s)
        self._timeline = timeline or Timeline()

    async def start(self) -> None:
        """Load the checkpoint and generate once; see `ports.Engine`."""
        try:
            with self._timeline.phase("load"):
                self._digest = await verified_sha256(self._settings, asyncio.to_thread(self._load))
        except (OSError, ValueError) as error:
            raise Unavailable(f"the model cannot be loaded: {in_one_line(error)}") from error
        with self._timeline.phase("warm-up"):
            async for _ in self.generate(warm_up_call(), warm_up_request()):
                pass

    async def generate(self, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Stream one answer; see `ports.Engine`."""
        if request.adapter is not None:
            raise BadRequest("this backend does not serve adapters")
        runner = self._running()
        inputs = await asyncio.to_thread(self._inputs, request)
        room = self._settings.max_model_len - inputs["input_ids"].shape[1]
        if room < 1:
            raise BadRequest("the conversation does not fit the model")
        answer = _Answer(request, inputs, room, self._stop_ids, self._tokenizer)
        for sequence in answer.sequences:
            runner.put(sequence)
        try:
            with self._pulse.request():
                async with contextlib.aclosing(answer.events()) as events:
                    async for event in until(events, call.deadline_unix_s):
                        self._pulse.beat()
                        yield event
        finally:
            answer.cancel()

    async def check_health(self) -> None:
        """Raise EngineGone if the generating thread has ended or stalled."""
        self._running()
        self._pulse.require()

    async def describe(self) -> ModelCard:
        """Return the model's card; it names the checkpoint, not its folder."""
        model = self._settings
        version = transformers.__version__
        return ModelCard(model.checkpoint_name, "transformers", version, model.trained_views, self._digest)

    async def stop(self) -> None:
        """Stop the thread and release the weights."""
        if self._runner is not None:
            await asyncio.to_thread(self._runner.stop)
            self._runner = None

    def _load(self) -> None:
        require_checkpoint(self._settings)
        source, revision = self._settings.location, or_none(self._settings.revision, "auto")
        require_budget(get_image_processor_config(source, revision=revision), self._max_visual_tokens)
        self._tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
        # Prepared images already have their size: no second resize. `require_images` verifies it.
        bounds = {"shortest_edge": PATCH_UNIT_PX**2, "longest_edge": self._max_visual_tokens * PATCH_UNIT_PX**2}
        self._processor = AutoImageProcessor.from_pretrained(source, revision=revision, size=bounds)
        model = AutoModelForImageTextToText.from_pretrained(
            source, revision=revision, dtype=_DTYPES[self._settings.dtype]
        )
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._stop_ids = _stop_ids(model, self._tokenizer)
        self._runner = Runner(model.to(device).eval(), self._max_num_seqs)
        self._runner.start()

    def _running(self) -> Runner:
        if self._runner is None or not self._runner.is_alive:
            raise EngineGone("the model engine is not running")
        return self._runner

    def _inputs(self, request: GenerationRequest) -> dict[str, Any]:
        """Encode a conversation as arguments of the model's forward."""
        images = [image for turn in request.turns for image in turn.images]
        pixels: dict[str, Any] = {}
        placed: list[int] = []
        if images:
            pictures = [Image.fromarray(image.pixels) for image in images]
            pixels = dict(self._processor(images=pictures, return_tensors="pt"))
            placed = [int(grid.prod()) // self._processor.merge_size**2 for grid in pixels["image_grid_thw"]]
        require_images(placed, images)
        pieces = chat_text(self._tokenizer, request.turns).split(_IMAGE)
        text = pieces[0] + "".join(_IMAGE * number + piece for number, piece in zip(placed, pieces[1:], strict=True))
        ids = self._tokenizer(text, return_tensors="pt").input_ids
        types = (ids == self._tokenizer.convert_tokens_to_ids(_IMAGE)).int()
        return {"input_ids": ids, "mm_token_type_ids": types, **pixels}


class _Answer:
    """Streams one request's samples as events. The batch's thread passes tokens to this event loop."""

    def __init__(
        self, request: GenerationRequest, inputs: dict[str, Any], room: int, stop_ids: frozenset[int], tokenizer: Any
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[GenerationEvent | BaseException] = asyncio.Queue()
        self._num_prompt_tokens = int(inputs["input_ids"].shape[1])
        self._tokenizer = tokenizer
        self._stop_ids = stop_ids
        sampling = request.sampling
        self._num_open = sampling.num_samples
        self.sequences = [
            self._sequence(request, inputs, min(sampling.max_tokens, room), index)
            for index in range(sampling.num_samples)
        ]

    def _sequence(self, request: GenerationRequest, inputs: dict[str, Any], max_tokens: int, index: int) -> Sequence:
        sampling, text = request.sampling, DecodeStream(skip_special_tokens=True)
        generator = None
        if sampling.seed is not None:
            generator = torch.Generator().manual_seed(sampling.seed + index)

        def on_token(token: int, logprobs: LogProbabilities | None) -> None:
            words = text.step(self._tokenizer.backend_tokenizer, token) or ""
            self._emit(TokenDelta(words, (token,), None if logprobs is None else (logprobs,), index))

        def on_end(error: BaseException | None) -> None:
            self._emit(error or self._finished(sequence, index))

        sequence = Sequence(
            inputs,
            max_tokens,
            self._stop_ids,
            on_token,
            on_end,
            sampling.temperature,
            sampling.top_p,
            sampling.num_logprobs,
            generator,
        )
        return sequence

    def _emit(self, event: GenerationEvent | BaseException) -> None:
        # The loop may be closed while the batch finishes its last step.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def _finished(self, sequence: Sequence, index: int) -> Finished:
        reason = FinishReason.STOP if sequence.next_id in self._stop_ids else FinishReason.LENGTH
        return Finished(reason, Usage(self._num_prompt_tokens, sequence.num_tokens), index)

    async def events(self) -> AsyncGenerator[GenerationEvent]:
        """Stream the samples' events until the last sample has ended."""
        while self._num_open:
            event = await self._events.get()
            if isinstance(event, BaseException):
                raise EngineGone("the model engine stopped while it worked on this report") from event
            self._num_open -= isinstance(event, Finished)
            yield event

    def cancel(self) -> None:
        """Cancel the sequences that are not finished."""
        for sequence in self.sequences:
            sequence.is_cancelled = True


def _stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    configured = model.generation_config.eos_token_id
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(one for one in (*ids, tokenizer.eos_token_id) if one is not None)
