"""NVIDIA Triton Inference Server behind the Engine port: one gRPC connection, a stream for each answer.

Knows the tensors of `k8s/triton/models/clara`; a connection that fails before the first word is tried again.
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
# Without it a stream carries an error's message but not its code.
_HEADERS = {"triton_grpc_error": "true"}
_RETRY_PAUSES_S = (0.1, 0.4)


class TritonEngine:
    """Implements the `Engine` port; `name` is what reports call the model, absent the server's own name."""

    def __init__(self, settings: TritonSettings, name: str | None = None, trained_views: tuple[str, ...] = ()) -> None:
        self._settings = settings
        self._name = name
        self._trained_views = trained_views
        self._connected: InferenceServerClient | None = None
        # A server whose model has died calls it ready all the same: after a failure it must show that it answers.
        self._is_in_doubt = False

    async def start(self) -> None:
        """See that the server has the model and that it answers; see `ports.Engine`."""
        async for _ in self.generate(warm_up_call(), warm_up_request()):
            pass

    async def generate(self, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Stream one answer; see `ports.Engine`."""
        if request.adapter is not None:
            raise BadRequest("this backend serves no adapters")
        tensors = request_tensors(request)
        for pause_s in (*_RETRY_PAUSES_S, None):
            has_begun = False
            try:
                async with contextlib.aclosing(self._answer(call, request, tensors)) as events:
                    async for event in events:
                        has_begun, self._is_in_doubt = True, False
                        yield event
                return
            except EngineGone:
                self._is_in_doubt = True
                raise
            except _ConnectionLost as error:
                if has_begun or pause_s is None:
                    raise EngineGone(_STOPPED if has_begun else "the model server does not answer") from error
            await asyncio.sleep(pause_s)

    async def check_health(self) -> None:
        """Always well: another replica here would not mend a server elsewhere."""

    async def describe(self) -> ModelCard:
        """Name the model, if the server has it ready; after a failure, if it answers.

        Raises:
            EngineGone: it hasn't, or doesn't.
        """
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                is_ready = await self._client.is_model_ready(self._settings.model)
                server = await self._client.get_server_metadata()
                if self._is_in_doubt:
                    await self.start()
        except (InferenceServerException, grpc.RpcError, TimeoutError) as error:
            raise EngineGone("the model server does not answer") from error
        if not is_ready:
            raise EngineGone("the model server does not have the model ready")
        return ModelCard(self._name or self._settings.model, "triton", server.version, self._trained_views)

    async def stop(self) -> None:
        """Close the connection."""
        if self._connected is not None:
            await self._connected.close()
            self._connected = None

    @property
    def _client(self) -> InferenceServerClient:
        """The connection; made within the event loop that uses it."""
        if self._connected is None:
            self._connected = InferenceServerClient(
                self._settings.address, channel_args=_channel_args(self._settings.connect_timeout_s)
            )
        return self._connected

    async def _answer(
        self, call: Call, request: GenerationRequest, tensors: dict[str, NDArray[np.generic]]
    ) -> AsyncGenerator[GenerationEvent]:
        """Stream one answer on a stream of its own; leaving early cancels it, by which the server knows."""
        responses = self._client.stream_infer(
            _once(self._message(call, request.request_id, tensors)), headers={**_HEADERS, **call.trace_context}
        )
        num_open = request.sampling.num_samples
        try:
            with _translated():
                spoken = stalling_after(_events_of(responses), self._settings.read_timeout_s)
                async for event in until(spoken, call.deadline_unix_s):
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
            # Microseconds; a request that still waits then is not begun.
            "timeout": None if math.isinf(remaining_s) else max(1, int(remaining_s * 1e6)),
        }


class _ConnectionLost(Exception):
    """The server was not reached, or was lost."""


async def _once(message: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    yield message


async def _events_of(
    responses: AsyncIterator[tuple[InferResult | None, InferenceServerException | None]],
) -> AsyncGenerator[GenerationEvent]:
    """Read events; the last response of a stream may have none."""
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
    """Connect in bounded time, be back soon after the server is, and take no proxy of the environment."""
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
    """Turn what a stream can suffer into our errors; the server's own words go no further."""
    try:
        yield
    except ClaraError:
        raise
    except grpc.RpcError as error:
        raise _meaning(error.code()) from error
    except InferenceServerException as error:
        # A request that is not even taken in is refused within the stream, by words alone.
        if "maximum queue size" in str(error.message()):
            raise Overloaded("the model server's queue is full") from error
        raise EngineGone("the model server refused this report") from error
    except (ValueError, KeyError, TypeError) as error:
        raise EngineGone(_STOPPED) from error


def _meaning(code: grpc.StatusCode) -> Exception:
    if code is grpc.StatusCode.UNAVAILABLE:
        return _ConnectionLost()
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return BadRequest("the conversation does not fit the model")
    return EngineGone(_STOPPED)
