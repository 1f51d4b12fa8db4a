"""Handles to replicas, dressed as ports: what a replica is asked, and what its errors are here.

What crosses a handle goes by value, over gRPC (`launch`).
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any, TypeAlias, TypeVar

from grpc import RpcError
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RayServeException,
    ReplicaUnavailableError,
)
from ray.serve.handle import DeploymentBroadcastResponse, DeploymentHandle

from serve_app.domain.call import Call
from serve_app.domain.conversation import Dialogue
from serve_app.domain.errors import (
    BadRequest,
    ClaraError,
    DraftingStopped,
    EngineGone,
    Overloaded,
    Refused,
    Unavailable,
)
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import ReportEvent
from serve_app.domain.service import Readiness
from serve_app.domain.study import Study, StudyImage
from serve_app.ports import DialogueEvent, ModelCard

T = TypeVar("T")

Declined = BadRequest | Refused | DraftingStopped
"""Not drafted on purpose. It crosses a handle as an answer: Serve would log a raised one as a failed replica."""
Answered: TypeAlias = T | BadRequest | Refused | DraftingStopped
"""What a replica answers with."""


async def answered(work: Awaitable[T]) -> Answered[T]:
    """Await what a replica was asked for, on its side of the handle."""
    try:
        return await work
    except (BadRequest, Refused, DraftingStopped) as declined:
        return declined


async def answered_each(items: AsyncGenerator[T]) -> AsyncGenerator[Answered[T]]:
    """Stream what a replica was asked for, on its side of the handle; closing this closes the stream."""
    try:
        async with contextlib.aclosing(items):
            async for item in items:
                yield item
    except (BadRequest, Refused, DraftingStopped) as declined:
        yield declined


class RemotePreparer:
    """The `ImagePreparer` port over a handle to the preprocessor."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._handle = handle

    async def prepare(self, call: Call, image: StudyImage) -> Radiograph:
        with _translated(Unavailable("the image preprocessor is not available")):
            answer: Answered[Radiograph] = await self._handle.prepare.remote(call, image)
        return _granted(answer)


class RemoteModel:
    """The `ChatModel` port over a handle to the engine replicas."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._handle = handle

    async def converse(self, call: Call, dialogue: Dialogue) -> AsyncGenerator[DialogueEvent]:
        """Let one replica answer all of it: the second turn costs no way to it, and finds the first one's cache."""
        method = self._handle.options(stream=True).converse
        gone = EngineGone("the model engine stopped while it worked on this report")
        async with contextlib.aclosing(_streamed(lambda: method.remote(call, dialogue), gone)) as groups:
            async for group in groups:
                for event in _granted(group):
                    yield event

    async def describe(self) -> ModelCard:
        """Ask every replica at once, past the reports that wait for one; the first that answers is enough.

        While one version takes another's place, the next answer may be another.

        Raises:
            EngineGone: no replica answers.
        """
        gone = EngineGone("the model engine is not running")
        with _translated(gone):
            card = await _first_answer(self._handle.broadcast("describe"))
        if card is None:
            raise gone
        return card

    async def readiness(self, timeout_s: float) -> Readiness:
        """Ask every replica at once whether it lives.

        Raises:
            DeploymentUnavailableError: there is no replica.
        """
        try:
            async with asyncio.timeout(timeout_s):
                is_ready = await _first_answer(self._handle.broadcast("describe")) is not None
        except TimeoutError:
            return Readiness(False, "engine-busy")
        return Readiness(is_ready, "serving" if is_ready else "no-engine")


class RemoteReporter:
    """The `Reporter` port over a handle to the orchestrator."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._handle = handle

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        method = self._handle.options(stream=True).report
        gone = Unavailable("the report service is not available")
        async with contextlib.aclosing(_streamed(lambda: method.remote(call, study, report_id), gone)) as events:
            async for event in events:
                yield _granted(event)


async def _streamed(call: Callable[[], Any], gone: ClaraError) -> AsyncGenerator[Any]:
    """Pass a handle's stream on; leaving early cancels the work behind it."""
    response = call()
    try:
        with _translated(gone):
            async for item in response:
                yield item
    finally:
        # Serve's `cancel` raises the call's own error again, over the one that is being handled.
        with contextlib.suppress(Exception):
            response.cancel()


async def _first_answer(response: DeploymentBroadcastResponse) -> ModelCard | None:
    """Take the first replica's answer that is no error; Ray's own `results_async` waits for the slowest of them."""
    waiting = {asyncio.ensure_future(result.get_async()) for result in await response._fetch_replica_results_async()}
    try:
        while waiting:
            answered, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            # Each is asked for its error, or Python complains that nobody did.
            cards = [answer.result() for answer in answered if not (answer.cancelled() or answer.exception())]
            if cards:
                card: ModelCard = cards[0]
                return card
        return None
    finally:
        for one in waiting:
            one.cancel()


@contextlib.contextmanager
def _translated(gone: ClaraError) -> Iterator[None]:
    """Turn what crosses a handle back into our errors: a RayTaskError's own text is a traceback."""
    try:
        yield
    except (RayError, RayServeException, RpcError) as error:
        cause = error.cause if isinstance(error, RayTaskError) else error
        match cause:
            case ClaraError():
                raise cause from None
            case BackPressureError():
                raise Overloaded("too many reports are waiting") from error
            case RayActorError() | RpcError() | DeploymentUnavailableError() | ReplicaUnavailableError():
                raise gone from error
            case _:
                raise


def _granted(answer: Answered[T]) -> T:
    if isinstance(answer, Declined):
        raise answer
    return answer
