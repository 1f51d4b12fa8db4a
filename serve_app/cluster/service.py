"""What the service says about itself, asked of the engine replicas and of Serve."""

import asyncio

from ray import serve
from ray.serve.exceptions import DeploymentUnavailableError

from serve_app import __version__
from serve_app.cluster.failures import failure_of, without_places
from serve_app.cluster.handles import RemoteModel
from serve_app.domain.service import Readiness, ServiceVersion
from serve_app.imaging.normalize import PREPARATION_VERSION


class RemoteService:
    """Implements the `Service` port over the engine replicas; made within a replica of the same application."""

    def __init__(self, engine: RemoteModel, prompt_version: str, readiness_timeout_s: float) -> None:
        self._engine = engine
        self._prompt_version = prompt_version
        self._readiness_timeout_s = readiness_timeout_s
        self._app_name = serve.get_replica_context().app_name

    async def readiness(self) -> Readiness:
        """Ask every engine replica; one that lives and has generated is enough. Without any, Serve knows why."""
        try:
            answered = await self._engine.readiness(self._readiness_timeout_s)
        except DeploymentUnavailableError:
            answered = Readiness(False, "no-engine")
        if answered.reason != "no-engine":
            return answered
        return await asyncio.to_thread(_without_engine, self._app_name)

    async def describe(self) -> ServiceVersion:
        """Name what reports are made with; the engine names its model."""
        card = await self._engine.describe()
        return ServiceVersion(
            version=__version__,
            model=card.model,
            engine=card.engine,
            engine_version=card.engine_version,
            prompt_version=self._prompt_version,
            preparation_version=PREPARATION_VERSION,
            model_digest=card.digest,
        )


def _without_engine(app_name: str) -> Readiness:
    """Tell an engine at rest from one that cannot start, and from one that is still on its way.

    Serve calls a deployment healthy only while it has as many replicas as it wants: then none is what it wants.
    """
    engine = serve.status().applications[app_name].deployments["engine"]
    if engine.status == "HEALTHY" and not engine.replica_states:
        return Readiness(True, "at-zero")
    if (cause := failure_of(engine)) is None:
        return Readiness(False, "no-engine")
    return Readiness(False, "engine-failed", f"No engine can start: {without_places(cause)}")
