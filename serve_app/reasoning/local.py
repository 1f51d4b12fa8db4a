"""The platform's own steps composed in this process: a report as the platform would write it, without a server."""

import time
import uuid

from serve_app.domain.call import Call, Principal
from serve_app.engines.dialogue import EngineChat
from serve_app.imaging.preparer import LocalPreparer
from serve_app.ports import Engine, ImagePreparer
from serve_app.reasoning.reporter import TwoTurnReporter
from serve_app.settings import Settings


def local_reporter(settings: Settings, engine: Engine, preparer: ImagePreparer | None = None) -> TwoTurnReporter:
    """Compose a reporter over an engine that was started."""
    return TwoTurnReporter(preparer or LocalPreparer(settings.preprocessor), EngineChat(engine), settings.orchestrator)


def local_call(tenant: str, timeout_s: float) -> Call:
    """Make a call on behalf of a program in this process; `tenant` keeps its caches apart."""
    principal = Principal(subject=tenant, tenant=tenant, scopes=frozenset())
    return Call(uuid.uuid4().hex, principal, time.time() + timeout_s, priority=0, trace_context={})
