"""What goes wrong on the way to a replica is one of our errors, whichever way it goes wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata
from ray.exceptions import ActorUnavailableError, RayTaskError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentBroadcastResponse

from serve_app.cluster.handles import RemoteModel
from serve_app.domain.call import Call
from serve_app.domain.conversation import Dialogue, GenerationEvent, GenerationRequest, TokenDelta
from serve_app.domain.errors import BadRequest, ClaraError, DeadlineExceeded, DraftingStopped, EngineGone, Overloaded
from serve_app.domain.service import Readiness
from serve_app.ports import ModelCard
from tests.calls import call

DIALOGUE = Dialogue(GenerationRequest("one", ()))


class BreakingHandle:
    """Serve's handle and its response in one: some events, then an error, raised or as an answer.

    As Serve's does, `cancel` raises the error that ended the call once more.
    """

    def __init__(self, error: Exception, *, is_answer: bool = False) -> None:
        self._error = error
        self._is_answer = is_answer
        self.was_cancelled = False

    def options(self, **_: Any) -> "BreakingHandle":
        return self

    @property
    def converse(self) -> "BreakingHandle":
        return self

    def remote(self, call: Call, dialogue: Dialogue) -> "BreakingHandle":
        return self

    async def __aiter__(self) -> AsyncIterator[tuple[GenerationEvent, ...] | Exception]:
        yield TokenDelta("- Bóng"), TokenDelta(" tim")
        if self._is_answer:
            yield self._error
        else:
            raise self._error

    def cancel(self) -> None:
        self.was_cancelled = True
        raise self._error


def across_a_handle(error: Exception) -> Exception:
    return RayTaskError("converse", "Traceback", error, "proc", 1, "10.0.0.7").as_instanceof_cause()


def rpc_error(code: grpc.StatusCode) -> AioRpcError:
    return AioRpcError(code, Metadata(), Metadata(), details="Socket closed")


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        # A replica that is killed, and one that is stopped while it answers.
        (ActorUnavailableError("gone", b"0" * 16), EngineGone),
        (rpc_error(grpc.StatusCode.CANCELLED), EngineGone),
        (rpc_error(grpc.StatusCode.INTERNAL), EngineGone),
        (BackPressureError(num_queued_requests=1, max_queued_requests=1), Overloaded),
        # What the replica itself was refused by another.
        (across_a_handle(BackPressureError(num_queued_requests=1, max_queued_requests=1)), Overloaded),
        (across_a_handle(Overloaded("too many reports are waiting")), Overloaded),
    ],
)
async def test_a_broken_stream_says_what_is_gone_after_what_came(broken: Exception, told: type[ClaraError]) -> None:
    handle = BreakingHandle(broken)
    heard: list[GenerationEvent] = []

    async def listen() -> None:
        async for event in RemoteModel(handle).converse(call(), DIALOGUE):
            heard.append(event)

    with pytest.raises(told):
        await listen()

    assert heard == [TokenDelta("- Bóng"), TokenDelta(" tim")]
    assert handle.was_cancelled


async def test_a_listener_that_stops_early_keeps_its_own_error() -> None:
    handle = BreakingHandle(BackPressureError(num_queued_requests=1, max_queued_requests=1))

    async def listen() -> None:
        async with contextlib.aclosing(RemoteModel(handle).converse(call(), DIALOGUE)) as events:
            async for _ in events:
                raise DeadlineExceeded("the report was not finished before its deadline")

    with pytest.raises(DeadlineExceeded):
        await listen()

    assert handle.was_cancelled


@dataclass
class Described:
    """What one replica's answer to a broadcast is to Serve's handle; None never comes."""

    answer: ModelCard | Exception | None

    async def get_async(self) -> ModelCard:
        if self.answer is None:
            await asyncio.sleep(60)
        if not isinstance(self.answer, ModelCard):
            raise self.answer or AssertionError("the question outlived its asker")
        return self.answer


@dataclass
class Replicas:
    """Serve's handle, of which a broadcast reaches these; its response is Serve's own."""

    answers: list[ModelCard | Exception | None]

    def broadcast(self, method: str) -> DeploymentBroadcastResponse:
        assert method == "describe"

        async def asked() -> list[Any]:
            return [Described(answer) for answer in self.answers]

        return DeploymentBroadcastResponse(asked(), None)


CARD = ModelCard("m", "vllm", "1")
DEAD = EngineGone("the model engine is not running")


async def test_which_model_answers_is_asked_anew_each_time() -> None:
    """Serve replaces an engine's replicas while those who hold a handle to them live on."""
    handle: Any = Replicas([ModelCard("old", "vllm", "1")])
    model = RemoteModel(handle)
    before = await model.describe()
    handle.answers = [ModelCard("new", "vllm", "1")]

    assert (before.model, (await model.describe()).model) == ("old", "new")


async def test_the_model_is_named_past_replicas_that_are_busy_or_dead() -> None:
    handle: Any = Replicas([DEAD, None, CARD])

    assert await asyncio.wait_for(RemoteModel(handle).describe(), 5) == CARD


async def test_no_model_is_named_when_every_replica_is_dead() -> None:
    handle: Any = Replicas([DEAD, DEAD])

    with pytest.raises(EngineGone):
        await RemoteModel(handle).describe()


@pytest.mark.parametrize(
    ("answers", "readiness"),
    [
        ([CARD], Readiness(True, "serving")),
        ([None, CARD, None], Readiness(True, "serving")),
        ([DEAD, None, CARD], Readiness(True, "serving")),
        ([DEAD, DEAD], Readiness(False, "no-engine")),
        ([DEAD, None], Readiness(False, "engine-busy")),
    ],
)
async def test_one_engine_that_answers_is_enough_whatever_the_others_do(
    answers: list[ModelCard | Exception | None], readiness: Readiness
) -> None:
    handle: Any = Replicas(answers)

    assert await RemoteModel(handle).readiness(0.1) == readiness
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1, "a question is left open"


@pytest.mark.parametrize(
    "declined",
    [
        BadRequest("the conversation does not fit the model"),
        DraftingStopped("an operator stopped drafting", "all", "drift"),
    ],
    ids=["the client's to mend", "an operator's stop"],
)
async def test_what_is_declined_comes_as_an_answer_and_is_raised_here(declined: ClaraError) -> None:
    handle = BreakingHandle(declined, is_answer=True)

    with pytest.raises(type(declined), match=declined.message):
        _ = [event async for event in RemoteModel(handle).converse(call(), DIALOGUE)]

    assert handle.was_cancelled
