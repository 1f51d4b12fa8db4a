"""The four Serve deployments: what runs in their replicas.

A class here only receives, delegates and cleans up; it asks the others by `handles`.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from ray import serve
from ray.serve.exceptions import DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from serve_app import __version__
from serve_app.api.factory import create_api
from serve_app.cluster.environment import log_to_serve
from serve_app.cluster.handles import Declined, RemoteModel, RemotePreparer, RemoteReporter
from serve_app.cluster.recorder import Recorder
from serve_app.domain.conversation import Dialogue, Principal
from serve_app.domain.errors import BadRequest, Refused
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import ReportEvent, ReportRequest
from serve_app.domain.service import Readiness, ServiceVersion
from serve_app.engines.dialogue import EngineChat
from serve_app.imaging.normalize import PREPARATION_VERSION
from serve_app.ports import DialogueEvent, Engine, ImagePreparer, ModelCard, Reporter
from serve_app.reasoning.two_turn import TwoTurnReporter
from serve_app.settings import GatewaySettings, OrchestratorSettings
from serve_app.streams import gathered
from serve_app.telemetry.measured import MeasuredReporter
from serve_app.telemetry.metrics import REPORTS, STAGE_SECONDS
from serve_app.timeline import Phase, Timeline, lasting_imports

logger = logging.getLogger(__name__)


class EngineReplica:
    """One model. It is up once it has generated; when its engine dies, the failed health check has it replaced."""

    async def __init__(self, make_engine: Callable[[Timeline], Engine]) -> None:  # type: ignore[misc]
        log_to_serve()
        self._timeline = Timeline(lambda line: logger.info("engine start: %s", line))
        with self._timeline.phase("imports"), lasting_imports():
            self._engine = make_engine(self._timeline)
        self._chat = EngineChat(self._engine)
        await self._engine.start()

    async def converse(self, dialogue: Dialogue) -> AsyncGenerator[tuple[DialogueEvent, ...] | Declined]:
        """Stream the answers; what comes at once goes on in one piece."""
        try:
            async with contextlib.aclosing(gathered(self._chat.converse(dialogue))) as groups:
                async for group in groups:
                    yield group
        except (BadRequest, Refused) as declined:
            yield declined

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
        log_to_serve()
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
        log_to_serve()
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
        log_to_serve()
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


def _is_idle(app_name: str) -> bool:
    """Whether the engine has no replica because it is at rest, not because it failed.

    Serve calls a deployment healthy only while it has as many replicas as it wants: then none is what it wants.
    """
    engine = serve.status().applications[app_name].deployments["engine"]
    return engine.status == "HEALTHY" and not engine.replica_states
