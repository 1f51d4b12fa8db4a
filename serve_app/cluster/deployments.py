"""The four Serve deployments: what runs in their replicas.

A class here only receives, delegates and cleans up; it asks the others by `handles`.
"""

import asyncio
import contextlib
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
from serve_app.domain.audit import Facts
from serve_app.domain.call import Call
from serve_app.domain.conversation import Dialogue
from serve_app.domain.radiograph import Radiograph
from serve_app.domain.report import ReportEvent
from serve_app.domain.study import Study, StudyImage
from serve_app.engines.dialogue import EngineChat
from serve_app.ports import (
    AnswerStore,
    Authenticator,
    ChatModel,
    DialogueEvent,
    Engine,
    ImagePreparer,
    KeyStore,
    ModelCard,
    Oversight,
    Reporter,
    StopSwitch,
)
from serve_app.reasoning.reporter import TwoTurnReporter
from serve_app.reasoning.stoppable import StoppableModel, StoppableReporter
from serve_app.records.audited import AuditedReporter
from serve_app.settings import AccessSettings, AdmissionSettings, GatewaySettings, OrchestratorSettings
from serve_app.streams import gathered
from serve_app.telemetry.logs import Event, Log
from serve_app.telemetry.measured import MeasuredReporter
from serve_app.telemetry.metrics import STAGE_SECONDS
from serve_app.timeline import Phase, Timeline, lasting_imports

log = Log(__name__)


class EngineReplica:
    """One model. It is up once it has generated; when its engine dies, the failed health check has it replaced."""

    async def __init__(self, make_engine: Callable[[Timeline], Engine]) -> None:  # type: ignore[misc]
        log_to_serve()
        self._timeline = Timeline(lambda line: log.info(Event.ENGINE_START, phase=line.strip()))
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

    def reporter(self, switch: StopSwitch | None) -> Reporter:
        """Reason in this process."""
        recorder = Recorder()
        model: ChatModel = RemoteModel(self.engine)
        return TwoTurnReporter(
            RemotePreparer(self.preprocessor),
            model if switch is None else StoppableModel(model, switch),
            self.settings,
            observe=lambda stage, duration_s: recorder.observe(STAGE_SECONDS, duration_s, stage=stage),
        )


@dataclass(frozen=True, slots=True)
class RemoteReasoning:
    """The same, asked of an orchestrator."""

    orchestrator: DeploymentHandle

    def reporter(self, _: StopSwitch | None) -> Reporter:
        """Let the orchestrator reason; it reads stops of models itself."""
        return RemoteReporter(self.orchestrator)


class Orchestrator:
    """Reasoning in a process of its own, scaled by itself."""

    def __init__(self, reasoning: Reasoning, make_switch: Callable[[], StopSwitch | None]) -> None:
        log_to_serve()
        self._reporter = reasoning.reporter(make_switch())

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[Answered[ReportEvent]]:
        """Stream one report; see `ports.Reporter`."""
        async with contextlib.aclosing(answered_each(self._reporter.report(call, study, report_id))) as events:
            async for event in events:
                yield event


@dataclass(frozen=True, slots=True)
class Entry:
    """How callers are authenticated, what is kept for them, who watches; None where there is no database."""

    authenticator: Authenticator
    keys: KeyStore | None = None
    answers: AnswerStore | None = None
    oversight: Oversight | None = None


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
        made_with: Facts,
    ) -> None:
        log_to_serve()
        recorder = Recorder()
        entry = await make_entry()
        slots = FairSlots(admission, num_slots)
        self._ports = Ports(
            reporter=MeasuredReporter(
                WaitingReporter(
                    _watched(reasoning, entry.oversight, made_with),
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
            oversight=entry.oversight,
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


def _watched(reasoning: Reasoning | RemoteReasoning, oversight: Oversight | None, made_with: Facts) -> Reporter:
    """Stop what an operator stops, and write down every report, those that were stopped too."""
    if oversight is None:
        return reasoning.reporter(None)
    reporter: Reporter = StoppableReporter(reasoning.reporter(oversight.switch), oversight.switch)
    return reporter if oversight.log is None else AuditedReporter(reporter, oversight.log, made_with)
