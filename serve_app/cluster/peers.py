"""Keeps a gateway replica's share of the slots right while replicas, of gateways and of engines, come and go."""

import asyncio
import uuid

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from serve_app.admission.sharing import Elsewhere, Usage, own_slots
from serve_app.admission.slots import FairSlots
from serve_app.settings import AdmissionSettings
from serve_app.telemetry.logs import Event, Log

log = Log(__name__)

_PERIOD_S = 1.0


class Peers:
    """The gateway's replicas and the engine's, as this replica of the gateway sees them."""

    def __init__(self, slots: FairSlots, settings: AdmissionSettings, slots_per_engine: int) -> None:
        self._slots = slots
        self._settings = settings
        self._slots_per_engine = slots_per_engine
        self._replica = uuid.uuid4().hex
        self._elsewhere = Elsewhere(self._replica)
        self._num_own = 0
        self._app_name = serve.get_replica_context().app_name

    def usage(self) -> Usage:
        """Say what this replica uses."""
        return Usage(self._replica, self._slots.demand, dict(self._slots.num_served))

    async def follow(self) -> None:
        """Ask everyone again and again; whatever fails, the last share stays."""
        gateway = serve.get_deployment_handle("gateway", self._app_name)
        while True:
            try:
                answers = await gateway.broadcast("usage").results_async(timeout_s=_PERIOD_S, return_exceptions=True)
                num_engines = await asyncio.to_thread(_num_engines, self._app_name)
                usages = [answer for answer in answers if isinstance(answer, Usage)]
                self._take(usages, num_engines * self._slots_per_engine)
            except (RayError, RayServeException, TimeoutError, KeyError) as error:
                # A KeyError: Serve does not list the application while it comes or goes.
                log.warning(Event.SLOTS_UNSHARED, error=error)
            await asyncio.sleep(_PERIOD_S)

    def _take(self, usages: list[Usage], num_slots: int) -> None:
        if all(usage.replica != self._replica for usage in usages):
            # This replica does not serve yet, or no longer.
            return
        tenants = {tenant for usage in usages for tenant in usage.demand}
        weights = {tenant: self._settings.of(tenant).weight for tenant in tenants}
        own = own_slots(usages, self._replica, num_slots, weights)
        if own != self._num_own:
            log.info(Event.SLOTS_SHARED, num_own=own, num_slots=num_slots, num_gateways=len(usages))
            self._num_own = own
        self._slots.share(own, self._elsewhere.served(usages))


def _num_engines(app_name: str) -> int:
    """Count the engine's replicas; at rest it is one, so that a report comes to wake it."""
    num_running: int = serve.status().applications[app_name].deployments["engine"].replica_states.get("RUNNING", 0)
    return max(1, num_running)
