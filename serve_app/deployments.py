"""The four Serve deployments, and the handles between them dressed as ports.

A class here only receives, delegates and cleans up. What crosses a handle goes by value, over gRPC (`launch`).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from grpc import RpcError
from ray import serve
from ray.exceptions import RayActorError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle

from serve_app import __version__
from serve_app.api.factory import create_api
from serve_app.domain.conversation import Dialogue, GenerationEvent, Principal
from serve_app.domain.errors import BadRequest, ClaraError, EngineGone, Overloaded, Refused, Unavailable
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import ReportEvent, ReportRequest
from serve_app.domain.service import Readiness, ServiceVersion
from serve_app.engines.dialogue import EngineChat
from serve_app.engines.gather import gathered
from serve_app.imaging.normalize import PREPARATION_VERSION
from serve_app.ports import Engine, ImagePreparer, ModelCard, Reporter
from serve_app.reasoning.two_turn import TwoTurnReporter
from serve_app.settings import GatewaySettings, OrchestratorSettings
from serve_app.startup import Phase, Timeline, lasting_imports
from serve_app.telemetry.exporter import Recorder
from serve_app.telemetry.measured import MeasuredReporter
from serve_app.telemetry.metrics import REPORTS, STAGE_SECONDS

# Serve sends its own logger's lines, and no other's, to the replica's log.
logger = logging.getLogger("ray.serve")

T = TypeVar("T")

Declined = BadRequest | Refused
"""What is the client's to mend crosses a handle as an answer.

Serve writes a traceback for an error that is raised, and counts it as a failure of the replica.
"""


class EngineReplica:
    """One model. It is up once it has generated; when its engine dies, the failed health check has it replaced."""

    async def __init__(self, make_engine: Callable[[Timeline], Engine]) -> None:  # type: ignore[misc]
        self._timeline = Timeline(lambda line: logger.info("engine start: %s", line))
        with self._timeline.phase("imports"), lasting_imports():
            self._engine = make_engine(self._timeline)
        self._chat = EngineChat(self._engine)
        await self._engine.start()

    async def converse(self, dialogue: Dialogue) -> AsyncGenerator[tuple[GenerationEvent, ...]]:
        """Stream the answers; what comes at once goes on in one piece."""
        async with contextlib.aclosing(gathered(self._chat.converse(dialogue))) as groups:
            async for group in groups:
                yield group

    async def describe(self) -> ModelCard:
        """Name the model, if the engine is alive."""
        await self._engine.check_health()
        return await self._engine.describe()

    async def phases(self) -> tuple[Phase, ...]:
        """Tell what its start was made of."""
        return self._timeline.phases

    async def check_health(self) -> None:
        """Fail when the engine is dead; Serve then replaces this replica."""
        await self._engine.check_health()

    async def __del__(self) -> None:
        await self._engine.stop()


class Preprocessor:
    """Bytes to model input."""

    def __init__(self, make_preparer: Callable[[], ImagePreparer]) -> None:
        self._preparer = make_preparer()

    async def prepare(self, data: bytes, has_override: bool) -> Radiograph | Declined:
        """Prepare one image; see `ports.ImagePreparer`."""
        try:
            return await self._preparer.prepare(data, has_override=has_override)
        except (BadRequest, Refused) as declined:
            return declined


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Two turns over remote images and a remote model: in the orchestrator, or in the gateway itself."""

    preprocessor: DeploymentHandle
    engine: DeploymentHandle
    settings: OrchestratorSettings

    def reporter(self) -> Reporter:
        """Reason in this process."""
        recorder = Recorder()
        return TwoTurnReporter(
            RemotePreparer(self.preprocessor),
            RemoteModel(self.engine),
            self.settings,
            observe=lambda stage, duration_s: recorder.observe(STAGE_SECONDS, duration_s, stage=stage),
        )


@dataclass(frozen=True, slots=True)
class RemoteReasoning:
    """The same, asked of an orchestrator."""

    orchestrator: DeploymentHandle

    def reporter(self) -> Reporter:
        """Let the orchestrator reason."""
        return RemoteReporter(self.orchestrator)


class Orchestrator:
    """Reasoning in a process of its own, scaled by itself."""

    def __init__(self, reasoning: Reasoning) -> None:
        self._reporter = reasoning.reporter()

    async def report(self, request: ReportRequest, principal: Principal) -> AsyncGenerator[ReportEvent | Declined]:
        """Stream one report; see `ports.Reporter`."""
        try:
            async with contextlib.aclosing(self._reporter.report(request, principal)) as events:
                async for event in events:
                    yield event
        except (BadRequest, Refused) as declined:
            yield declined


class Gateway:
    """The door: serves the FastAPI app over a reporter."""

    def __init__(
        self,
        reasoning: Reasoning | RemoteReasoning,
        engine: DeploymentHandle,
        settings: GatewaySettings,
        prompt_version: str,
    ) -> None:
        self._recorder = Recorder()
        self._reporter = MeasuredReporter(reasoning.reporter(), self._recorder)
        self._engine = RemoteModel(engine)
        self._settings = settings
        self._prompt_version = prompt_version
        self._app_name = serve.get_replica_context().app_name

    def __serve_build_asgi_app__(self) -> Any:
        return create_api(
            self._reporter,
            readiness=self._readiness,
            describe=self._describe,
            settings=self._settings,
            on_outcome=lambda outcome: self._recorder.count(REPORTS, outcome=outcome),
        )

    async def _readiness(self) -> Readiness:
        """Ask every engine replica; one that lives and has generated is enough."""
        try:
            return await self._engine.readiness(self._settings.readiness_timeout_s)
        except DeploymentUnavailableError:
            is_at_zero = await asyncio.to_thread(_is_idle, self._app_name)
            return Readiness(is_at_zero, "at-zero" if is_at_zero else "no-engine")

    async def _describe(self) -> ServiceVersion:
        card = await self._engine.describe()
        return ServiceVersion(
            version=__version__,
            model=card.model,
            engine=card.engine,
            engine_version=card.engine_version,
            prompt_version=self._prompt_version,
            preparation_version=PREPARATION_VERSION,
        )


class RemotePreparer:
    """The `ImagePreparer` port over a handle to the preprocessor."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._handle = handle

    async def prepare(self, data: bytes, *, has_override: bool = False) -> Radiograph:
        with _translated(Unavailable("the image preprocessor is not available")):
            answer: Radiograph | Declined = await self._handle.prepare.remote(data, has_override)
        return _granted(answer)


class RemoteModel:
    """The `ChatModel` port over a handle to the engine replicas."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._handle = handle
        self._card: ModelCard | None = None

    async def converse(self, dialogue: Dialogue) -> AsyncGenerator[GenerationEvent]:
        """Let one replica answer all of it: the second turn costs no way to it, and finds the first one's cache."""
        method = self._handle.options(stream=True).converse
        gone = EngineGone("the model engine stopped while it worked on this report")
        async with contextlib.aclosing(_streamed(lambda: method.remote(dialogue), gone)) as groups:
            async for group in groups:
                for event in group:
                    yield event

    async def describe(self) -> ModelCard:
        """Ask any replica once: all of one version serve the same model."""
        if self._card is None:
            with _translated(EngineGone("the model engine is not running")):
                self._card = await self._handle.describe.remote()
        assert self._card is not None
        return self._card

    async def readiness(self, timeout_s: float) -> Readiness:
        """Ask every replica at once whether it lives.

        Raises:
            DeploymentUnavailableError: there is no replica.
        """
        try:
            answers = await self._handle.broadcast("describe").results_async(
                timeout_s=timeout_s, return_exceptions=True
            )
        except TimeoutError:
            return Readiness(False, "engine-busy")
        is_ready = any(isinstance(answer, ModelCard) for answer in answers)
        return Readiness(is_ready, "serving" if is_ready else "no-engine")


class RemoteReporter:
    """The `Reporter` port over a handle to the orchestrator."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._handle = handle

    async def report(self, request: ReportRequest, principal: Principal) -> AsyncGenerator[ReportEvent]:
        method = self._handle.options(stream=True).report
        gone = Unavailable("the report service is not available")
        async with contextlib.aclosing(_streamed(lambda: method.remote(request, principal), gone)) as events:
            async for event in events:
                yield _granted(event)


def _is_idle(app_name: str) -> bool:
    """Whether the engine has no replica because it is at rest, not because it failed.

    Serve calls a deployment healthy only while it has as many replicas as it wants: then none is what it wants.
    """
    engine = serve.status().applications[app_name].deployments["engine"]
    return engine.status == "HEALTHY" and not engine.replica_states


async def _streamed(call: Callable[[], Any], gone: ClaraError) -> AsyncGenerator[Any]:
    """Pass a handle's stream on; leaving early cancels the work behind it."""
    response = call()
    try:
        with _translated(gone):
            async for item in response:
                yield item
    finally:
        response.cancel()


@contextlib.contextmanager
def _translated(gone: ClaraError) -> Iterator[None]:
    """Turn what crosses a handle back into our errors: a RayTaskError's own text is a traceback."""
    try:
        yield
    except RayTaskError as error:
        cause = error.cause
        raise cause if isinstance(cause, ClaraError) else error from None
    except BackPressureError as error:
        raise Overloaded("too many reports are waiting") from error
    except (RayActorError, RpcError, DeploymentUnavailableError, ReplicaUnavailableError) as error:
        raise gone from error


def _granted(answer: T | Declined) -> T:
    if isinstance(answer, Declined):
        raise answer
    return answer
