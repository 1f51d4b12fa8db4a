"""Serve's request routers: they drop cancelled requests, and keep a conversation on the replica of its image.

A router sees only what its own caller sends; where an image goes is decided by `engines.placement`.
"""

import asyncio
from typing import Any

from ray.serve._private.request_router import PowerOfTwoChoicesRequestRouter
from ray.serve.request_router import PendingRequest, ReplicaID, RequestRouter, RunningReplica

from serve_app.cluster.recorder import Recorder
from serve_app.domain.call import Call
from serve_app.domain.conversation import Dialogue
from serve_app.engines.caches import image_id
from serve_app.engines.placement import Placement
from serve_app.telemetry.metrics import PLACEMENTS


class DropsCancelled(RequestRouter):  # type: ignore[misc]
    """Drops a request's arguments when its caller leaves.

    While there is no replica, Serve's own routers only mark such a request and keep it, with its image.
    """

    async def _choose_replica_for_request(
        self, pending_request: PendingRequest, *, is_retry: bool = False
    ) -> RunningReplica:
        try:
            return await super()._choose_replica_for_request(pending_request, is_retry=is_retry)
        except asyncio.CancelledError:
            pending_request.args, pending_request.kwargs = [], {}
            raise


class DropsCancelledRouter(DropsCancelled, PowerOfTwoChoicesRequestRouter):  # type: ignore[misc]
    """Serve's own choice of a replica, for the deployments that are sent images."""


class AffinityRouter(DropsCancelled):
    """Ray Serve's request router for the engine; what is not about an image goes to the least busy replica."""

    def initialize_state(self, **options: Any) -> None:
        """Take `engine.affinity`, field by field."""
        self._placement = Placement(**options)
        self._recorder = Recorder()

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Rank the replicas; Serve takes the first that has room, and asks again after a pause when none has."""
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True
        conversation = _conversation(pending_request)
        if conversation is None:
            return [candidate_replicas]
        image, has_begun = conversation
        replicas = {replica.replica_id.unique_id: replica for replica in candidate_replicas}
        loads = {name: self._load(replica.replica_id) for name, replica in replicas.items()}
        return [[replicas[name]] for name in self._placement.order(image, has_begun, loads)]

    def on_request_routed(self, pending_request: PendingRequest, replica_id: ReplicaID, result: Any) -> None:
        """Remember where an image is warm now."""
        conversation = _conversation(pending_request)
        if conversation is not None:
            replicas = [replica.unique_id for replica in self.curr_replicas]
            outcome = self._placement.remember(conversation[0], replica_id.unique_id, replicas)
            self._recorder.count(PLACEMENTS, outcome=outcome)

    def _load(self, replica_id: ReplicaID) -> int:
        """Requests in progress there, everybody's: a replica says it whenever it takes one."""
        return self.replica_queue_len_cache.get(replica_id) or 0


def _conversation(pending: PendingRequest | None) -> tuple[str, bool] | None:
    """Name the image that a conversation began with, and say whether an answer has been given in it."""
    match pending.args if pending is not None else ():
        case (Call() as call, Dialogue() as dialogue, *_) if dialogue.opening.images:
            request = dialogue.opening
            return image_id(call.principal.tenant, request.images[0].digest), len(request.turns) > 1
    return None
