"""The model for Triton's python backend: tensors in, one batch in progress, one response per token.

`TransformersEngine` encodes conversations and generates, so the reports equal those of the backend `transformers`.
CLARA_SETTINGS names a settings file; without it the bundled demo is served.
"""

import asyncio
import contextlib
import json
import logging
import math
import os
import threading
import time
import traceback
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils
import yaml

from serve_app.cluster.environment import prepare_environment
from serve_app.domain.call import Call, Principal
from serve_app.domain.conversation import GenerationRequest
from serve_app.domain.errors import BadRequest, ClaraError, DeadlineExceeded, EngineGone
from serve_app.engines.triton_tensors import event_tensors, request_of
from serve_app.settings import Settings

logger = logging.getLogger(__name__)

_INPUTS = ("messages", "images", "sampling")
# By name, because Triton completes its module only after importing this one.
_CODES = {BadRequest: "INVALID_ARG", DeadlineExceeded: "CANCELLED", EngineGone: "UNAVAILABLE"}


class TritonPythonModel:
    """The interface that Triton's python backend calls."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the checkpoint and generate once."""
        settings = _settings()
        prepare_environment(settings)
        from serve_app.engines.transformers_engine import TransformersEngine

        parameters = json.loads(args["model_config"])["parameters"]
        self._num_tokens_ahead = int(parameters["tokens_before_next_batch"]["string_value"])
        self._engine = TransformersEngine(settings.model, settings.engine, settings.preprocessor.max_visual_tokens)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="answers", daemon=True).start()
        self._run(self._engine.start()).result()

    def execute(self, requests: list[Any]) -> None:
        """Start a batch beside those in progress.

        Returns when each answer is some tokens ahead. Requests that arrive meanwhile wait in Triton and form the next
        batch.
        """
        ahead: list[Future[None]] = [Future() for _ in requests]
        for request, is_ahead in zip(requests, ahead, strict=True):
            self._run(self._answer(request, request.get_response_sender(), is_ahead))
        wait(ahead)

    def finalize(self) -> None:
        """Stop the engine and the event loop."""
        self._run(self._engine.stop()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _answer(self, request: Any, sender: Any, is_ahead: "Future[None]") -> None:
        """Stream one answer until it ends or its client leaves. The response is closed in every case."""
        try:
            async with contextlib.aclosing(self._engine.generate(_call(request), _conversation(request))) as events:
                num_events = 0
                async for event in events:
                    if sender.is_cancelled():
                        break
                    sender.send(_response(event_tensors(event)))
                    num_events += 1
                    if num_events == self._num_tokens_ahead:
                        is_ahead.set_result(None)
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: its client would wait for ever
            if not isinstance(error, ClaraError):
                last = traceback.extract_tb(error.__traceback__)[-1]
                logger.error("unexpected %s at %s:%d", type(error).__name__, Path(last.filename).name, last.lineno)
            sender.send(_refusal(error), flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        finally:
            if not is_ahead.done():
                is_ahead.set_result(None)

    def _run(self, coroutine: Any) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


def _settings() -> Settings:
    path = os.environ.get("CLARA_SETTINGS")
    return Settings.model_validate((yaml.safe_load(Path(path).read_text()) or {}) if path else {})


def _call(request: Any) -> Call:
    """Return a call of the platform itself, which separates its tenants. This engine has no cache to separate."""
    timeout_s = request.timeout() / 1e6 or math.inf
    principal = Principal("platform", "platform", frozenset())
    return Call(request.request_id(), principal, time.time() + timeout_s, priority=0, trace_context={})


def _conversation(request: Any) -> GenerationRequest:
    found = {name: pb_utils.get_input_tensor_by_name(request, name) for name in _INPUTS}
    tensors = {name: tensor.as_numpy() for name, tensor in found.items() if tensor is not None}
    return request_of(tensors, request.request_id())


def _response(tensors: dict[str, Any]) -> Any:
    return pb_utils.InferenceResponse([pb_utils.Tensor(name, tensor) for name, tensor in tensors.items()])


def _refusal(error: BaseException) -> Any:
    """Return an error that is safe to send: our own messages hold no patient data, but others may."""
    message = error.message if isinstance(error, ClaraError) else "the model stopped while it worked on this report"
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), "INTERNAL")
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, getattr(pb_utils.TritonError, code)))
