"""What a Triton server's refusals, silences and ends become; the server is gRPC's own, its answers are scripted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import numpy as np
import pytest
import pytest_asyncio
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

from loadtests.bench.servers import free_port
from serve_app.domain.call import Call
from serve_app.domain.conversation import (
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    Role,
    TokenDelta,
    Turn,
    Usage,
)
from serve_app.domain.errors import BadRequest, ClaraError, DeadlineExceeded, EngineGone, Overloaded
from serve_app.engines.triton_engine import TritonEngine
from serve_app.engines.triton_tensors import event_tensors
from serve_app.settings import TritonSettings
from tests.calls import call

WORD = TokenDelta("Tim to.", (4, 5))
END = Finished(FinishReason.STOP, Usage(7, 2))
QUESTION = GenerationRequest("request-1", (Turn(Role.USER, "Bệnh nhân bị gì?"),))
Context = Any
Script = Callable[[Context], AsyncIterator[Any]]


def response(event: GenerationEvent) -> Any:
    told = service_pb2.ModelInferResponse(model_name="clara")
    for name, tensor in event_tensors(event).items():
        told.outputs.add(name=name, datatype=np_to_triton_dtype(tensor.dtype), shape=tensor.shape)
        raw = serialize_byte_tensor(tensor).item() if tensor.dtype == np.object_ else tensor.tobytes()
        told.raw_output_contents.append(raw)
    return service_pb2.ModelStreamInferResponse(infer_response=told)


class Triton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """Plays one script per stream, the last one over again; keeps what it was asked."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self.asked: list[Any] = []
        self.headers: dict[str, str] = {}
        self.was_left = asyncio.Event()

    async def ModelStreamInfer(self, requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        self.headers = dict(context.invocation_metadata())
        try:
            async for request in requests:
                self.asked.append(request)
                async for answer in script(context):
                    yield answer
        except asyncio.CancelledError:
            self.was_left.set()
            raise


def says(*answers: Any) -> Script:
    async def script(context: Context) -> AsyncIterator[Any]:
        for answer in answers:
            yield answer

    return script


def refuses(code: grpc.StatusCode, *before: Any) -> Script:
    async def script(context: Context) -> AsyncIterator[Any]:
        for answer in before:
            yield answer
        await context.abort(code, "bệnh nhân Nguyễn")

    return script


def falls_silent(*before: Any) -> Script:
    async def script(context: Context) -> AsyncIterator[Any]:
        for answer in before:
            yield answer
        await asyncio.sleep(60)

    return script


Connect = Callable[[Triton], Awaitable[TritonEngine]]


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Connect]:
    """Start a server and connect an engine to it."""
    started: list[tuple[Any, TritonEngine]] = []

    async def connected(triton: Triton) -> TritonEngine:
        server = grpc.aio.server()
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        engine = TritonEngine(TritonSettings(address=f"127.0.0.1:{port}", read_timeout_s=0.3))
        started.append((server, engine))
        return engine

    yield connected
    for server, engine in started:
        await engine.stop()
        await server.stop(None)


async def answer(
    engine: TritonEngine, request: GenerationRequest = QUESTION, asking: Call | None = None
) -> list[GenerationEvent]:
    return [event async for event in engine.generate(asking or call(), request)]


async def test_an_answer_is_what_the_server_says(connect: Connect) -> None:
    # Triton ends a stream with a response that has no output.
    empty = service_pb2.ModelStreamInferResponse(infer_response=service_pb2.ModelInferResponse())
    triton = Triton(says(response(WORD), response(END), empty))
    request = GenerationRequest("request-2", QUESTION.turns)
    asking = call(timeout_s=30, trace_context={"traceparent": "00-1-2-01"})

    assert await answer(await connect(triton), request, asking) == [WORD, END]

    (asked,) = triton.asked
    assert (asked.model_name, asked.id) == ("clara", "request-2")
    assert 29e6 < asked.parameters["timeout"].int64_param <= 30e6
    assert triton.headers["traceparent"] == "00-1-2-01"


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (refuses(grpc.StatusCode.INVALID_ARGUMENT), BadRequest),
        (refuses(grpc.StatusCode.INTERNAL), EngineGone),
        (refuses(grpc.StatusCode.UNAVAILABLE), EngineGone),
        (refuses(grpc.StatusCode.UNAVAILABLE, response(WORD)), EngineGone),
        (says(service_pb2.ModelStreamInferResponse(error_message="Exceeds maximum queue size")), Overloaded),
        (says(service_pb2.ModelStreamInferResponse(error_message="bệnh nhân Nguyễn")), EngineGone),
        (says(response(WORD)), EngineGone),
        (falls_silent(response(WORD)), EngineGone),
        (falls_silent(), EngineGone),
    ],
)
async def test_what_goes_wrong_is_said_without_the_servers_words(
    connect: Connect, script: Script, error: type[ClaraError]
) -> None:
    with pytest.raises(error) as raised:
        await answer(await connect(Triton(script)))

    assert "Nguyễn" not in str(raised.value)


async def test_a_connection_that_fails_before_the_first_word_is_tried_again(connect: Connect) -> None:
    triton = Triton(refuses(grpc.StatusCode.UNAVAILABLE), says(response(WORD), response(END)))

    assert await answer(await connect(triton)) == [WORD, END]


async def test_an_answer_that_has_begun_is_not_begun_again(connect: Connect) -> None:
    triton = Triton(refuses(grpc.StatusCode.UNAVAILABLE, response(WORD)), says(response(WORD), response(END)))

    with pytest.raises(EngineGone):
        await answer(await connect(triton))
    assert len(triton.asked) == 1


async def test_the_deadline_ends_an_answer_and_tells_the_server(connect: Connect) -> None:
    triton = Triton(falls_silent(response(WORD)))
    engine = await connect(triton)

    with pytest.raises(DeadlineExceeded):
        await answer(engine, GenerationRequest("request-3", QUESTION.turns), call(timeout_s=0.1))
    await asyncio.wait_for(triton.was_left.wait(), timeout=10)


async def test_leaving_early_tells_the_server(connect: Connect) -> None:
    triton = Triton(falls_silent(response(WORD)))
    events = (await connect(triton)).generate(call(), QUESTION)

    assert await anext(events) == WORD
    await events.aclose()

    await asyncio.wait_for(triton.was_left.wait(), timeout=10)


async def test_nobody_there_is_an_engine_gone() -> None:
    engine = TritonEngine(TritonSettings(address=f"127.0.0.1:{free_port()}"))

    with pytest.raises(EngineGone):
        await answer(engine)
    with pytest.raises(EngineGone):
        await engine.describe()
    await engine.stop()


async def test_an_adapter_is_not_ignored() -> None:
    request = GenerationRequest("request-4", QUESTION.turns, adapter="stage-2")

    with pytest.raises(BadRequest):
        await answer(TritonEngine(TritonSettings()), request)
