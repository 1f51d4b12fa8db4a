"""The four Serve deployments: what runs in their replicas.

A class here only receives, delegates and cleans up; it asks the others by `handles`.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ray.serve.handle import DeploymentHandle

from serve_app.admission.quotas import Quotas
from serve_app.admission.reporter import WaitingReporter
from serve_app.admission.sharing import Usage
from serve_app.admission.slots import FairSlots
from serve_app.api.factory import Ports, create_api
from serve_app.cluster.environment import log_to_serve
from serve_app.cluster.handles import Answered, RemoteModel, RemotePreparer, RemoteReporter, answered, answered_each
from serve_app.cluster.peers import Peers
from serve_app.cluster.recorder import Recorder
from serve_app.cluster.service import RemoteService
from serve_app.domain.call import Call
from serve_app.domain.conversation import Dialogue
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import ReportEvent
from serve_app.domain.study import Study, StudyImage
from serve_app.engines.dialogue import EngineChat
from serve_app.ports import (
    AnswerStore,
    Authenticator,
    DialogueEvent,
    Engine,
    ImagePreparer,
    KeyStore,
    ModelCard,
    Reporter,
)
from serve_app.reasoning.reporter import TwoTurnReporter
from serve_app.settings import AccessSettings, AdmissionSettings, GatewaySettings, OrchestratorSettings
from serve_app.streams import gathered
from serve_app.telemetry.measured import MeasuredReporter
from serve_app.telemetry.metrics import STAGE_SECONDS
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

    async def converse(self, call: Call, dialogue: Dialogue) -> AsyncGenerator[Answered[tuple[DialogueEvent, ...]]]:
        """Stream the answers; what comes at once goes on in one piece."""
        async with contextlib.aclosing(answered_each(gathered(self._chat.converse(call, dialogue)))) as groups:
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
        log_to_serve()
        self._preparer = make_preparer()

    async def prepare(self, call: Call, image: StudyImage) -> Answered[Radiograph]:
        """Prepare one image; see `ports.ImagePreparer`."""
        return await answered(self._preparer.prepare(call, image))


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

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[Answered[ReportEvent]]:
        """Stream one report; see `ports.Reporter`."""
        async with contextlib.aclosing(answered_each(self._reporter.report(call, study, report_id))) as events:
            async for event in events:
                yield event


@dataclass(frozen=True, slots=True)
class Entry:
    """How callers are authenticated, and where keys and answers are kept; None where there is no database."""

    authenticator: Authenticator
    keys: KeyStore | None = None
    answers: AnswerStore | None = None


class Gateway:
    """The door: serves the FastAPI app over a reporter."""

    async def __init__(  # type: ignore[misc]
        self,
        reasoning: Reasoning | RemoteReasoning,
        engine: DeploymentHandle,
        settings: GatewaySettings,
        access: AccessSettings,
        admission: AdmissionSettings,
        num_slots: int,
        is_shared: bool,
        make_entry: Callable[[], Awaitable[Entry]],
        prompt_version: str,
    ) -> None:
        log_to_serve()
        recorder = Recorder()
        entry = await make_entry()
        slots = FairSlots(admission, num_slots)
        self._ports = Ports(
            reporter=MeasuredReporter(
                WaitingReporter(
                    reasoning.reporter(),
                    slots,
                    observe=lambda duration_s: recorder.observe(STAGE_SECONDS, duration_s, stage="queue"),
                ),
                recorder,
            ),
            service=RemoteService(RemoteModel(engine), prompt_version, settings.readiness_timeout_s),
            metrics=recorder,
            authenticator=entry.authenticator,
            quotas=Quotas(settings, admission),
            slots=slots,
            answers=entry.answers,
            keys=entry.keys,
        )
        self._settings = settings
        self._access = access
        self._peers = Peers(slots, admission, num_slots)
        self._following = asyncio.create_task(self._peers.follow()) if is_shared else None

    async def usage(self) -> Usage:
        """Say what this replica has in progress; its peers ask."""
        return self._peers.usage()

    def __serve_build_asgi_app__(self) -> Any:
        return create_api(self._ports, self._settings, self._access)
