"""The Engine port over NVIDIA Triton Inference Server: one gRPC connection, a stream for each answer.

Uses the tensors of `k8s/triton/models/clara`. Retries a connection that fails before the first token.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import InferInput, InferResult
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from serve_app.domain.call import Call
from serve_app.domain.conversation import Finished, GenerationEvent, GenerationRequest
from serve_app.domain.errors import BadRequest, ClaraError, EngineGone, Overloaded
from serve_app.engines.triton_tensors import event_of, request_tensors
from serve_app.engines.warm_up import warm_up_call, warm_up_request
from serve_app.ports import ModelCard
from serve_app.settings import TritonSettings
from serve_app.streams import stalling_after, until

_STOPPED = "the model server stopped while it worked on this report"
# Without this header a stream carries an error's message but not its code.
_HEADERS = {"triton_grpc_error": "true"}
_RETRY_PAUSES_S = (0.1, 0.4)


class TritonEngine:
    """Implements the `Engine` port. `name` is the model's name in reports; if null, the name in the settings."""

    def __init__(self, settings: TritonSettings, name: str | None = None, trained_views: tuple[str, ...] = ()) -> None:
        self._settings = settings
        self._name = name
        self._trained_views = trained_views
        self._connected: InferenceServerClient | None = None
        # Triton reports a model as ready even if it has died: after a failure, verify that it answers.
        self._needs_verification = False

    async def start(self) -> None:
        """Verify that the server has the model and that it answers; see `ports.Engine`."""
        async for _ in self.generate(warm_up_call(), warm_up_request()):
            pass

    async def generate(self, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Stream one answer; see `ports.Engine`."""
        if request.adapter is not None:
            raise BadRequest("this backend does not serve adapters")
        tensors = request_tensors(request)
        for pause_s in (*_RETRY_PAUSES_S, None):
            has_begun = False
            try:
                async with contextlib.aclosing(self._answer(call, request, tensors)) as events:
                    async for event in events:
                        has_begun, self._needs_verification = True, False
                        yield event
                return
            except EngineGone:
                self._needs_verification = True
                raise
            except _ConnectionLost as error:
                if has_begun or pause_s is None:
                    raise EngineGone(_STOPPED if has_begun else "the model server does not answer") from error
            await asyncio.sleep(pause_s)

    async def check_health(self) -> None:
        """Do nothing: replacing this replica would not repair a remote server."""

    async def describe(self) -> ModelCard:
        """Return the model's card if the server has it ready; after a failure, verify that it answers.

        Raises:
            EngineGone: the server does not answer or does not have the model ready.
        """
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                is_ready = await self._client.is_model_ready(self._settings.model)
                server = await self._client.get_server_metadata()
                if self._needs_verification:
                    await self.start()
        except (InferenceServerException, grpc.RpcError, TimeoutError) as error:
            raise EngineGone("the model server does not answer") from error
        if not is_ready:
            raise EngineGone("the model server reports that the model is not ready")
        return ModelCard(self._name or self._settings.model, "triton", server.version, self._trained_views)

    async def stop(self) -> None:
        """Close the connection."""
        if self._connected is not None:
            await self._connected.close()
            self._connected = None

    @property
    def _client(self) -> InferenceServerClient:
        """The connection, created lazily in the event loop that uses it."""
        if self._connected is None:
            self._connected = InferenceServerClient(
                self._settings.address, channel_args=_channel_args(self._settings.connect_timeout_s)
            )
        return self._connected

    async def _answer(
        self, call: Call, request: GenerationRequest, tensors: dict[str, NDArray[np.generic]]
    ) -> AsyncGenerator[GenerationEvent]:
        """Stream one answer on a stream of its own. Closing early cancels it, which stops the server."""
        responses = self._client.stream_infer(
            _once(self._message(call, request.request_id, tensors)), headers={**_HEADERS, **call.trace_context}
        )
        num_open = request.sampling.num_samples
        try:
            with _translated():
                events = stalling_after(_events_of(responses), self._settings.read_timeout_s)
                async for event in until(events, call.deadline_unix_s):
                    num_open -= isinstance(event, Finished)
                    yield event
        finally:
            responses.cancel()
        if num_open:
            raise EngineGone(_STOPPED)

    def _message(self, call: Call, request_id: str, tensors: dict[str, NDArray[np.generic]]) -> dict[str, Any]:
        remaining_s = call.deadline_unix_s - time.time()
        return {
            "model_name": self._settings.model,
            "request_id": request_id,
            "inputs": [_input(name, tensor) for name, tensor in tensors.items()],
            # Microseconds, after which a waiting request is not started.
            "timeout": None if math.isinf(remaining_s) else max(1, int(remaining_s * 1e6)),
        }


class _ConnectionLost(Exception):
    """The connection could not be made, or was lost."""


async def _once(message: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    yield message


async def _events_of(
    responses: AsyncIterator[tuple[InferResult | None, InferenceServerException | None]],
) -> AsyncGenerator[GenerationEvent]:
    """Decode events; the last response of a stream may have none."""
    async for result, error in responses:
        if error is not None:
            raise error
        assert result is not None
        names = [output.name for output in result.get_response().outputs]
        if names:
            yield event_of({name: result.as_numpy(name) for name in names})


def _input(name: str, tensor: NDArray[np.generic]) -> InferInput:
    made = InferInput(name, list(tensor.shape), np_to_triton_dtype(tensor.dtype))
    made.set_data_from_numpy(tensor)
    return made


def _channel_args(connect_timeout_s: float) -> list[tuple[str, int]]:
    """Bound the connect time, reconnect soon after the server is back, and ignore proxies set in the environment."""
    return [
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.enable_http_proxy", 0),
        # How long one attempt may take; gRPC's own 20 s is longer than a client should wait for its 503.
        ("grpc.min_reconnect_backoff_ms", int(connect_timeout_s * 1000)),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
    ]


@contextlib.contextmanager
def _translated() -> Any:
    """Translate a stream's errors into ours, without the server's own messages."""
    try:
        yield
    except ClaraError:
        raise
    except grpc.RpcError as error:
        raise _error_for(error.code()) from error
    except InferenceServerException as error:
        # Triton reports a full queue inside the stream, and only in the message.
        if "maximum queue size" in str(error.message()):
            raise Overloaded("the model server's queue is full") from error
        raise EngineGone("the model server rejected this report") from error
    except (ValueError, KeyError, TypeError) as error:
        raise EngineGone(_STOPPED) from error


def _error_for(code: grpc.StatusCode) -> Exception:
    if code is grpc.StatusCode.UNAVAILABLE:
        return _ConnectionLost()
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return BadRequest("the conversation does not fit the model")
    return EngineGone(_STOPPED)
