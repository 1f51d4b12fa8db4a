"""How Serve's routers wait for a replica without keeping what nobody waits for any more.

Knows nothing of what is routed.
"""

import asyncio

from ray.serve._private.request_router import PowerOfTwoChoicesRequestRouter
from ray.serve.request_router import PendingRequest, RequestRouter, RunningReplica


class LettingGo(RequestRouter):  # type: ignore[misc]
    """Drops a request's arguments when its caller leaves.

    While there is no replica, Serve's routers only mark such a request and keep it: a film for every client that tried.
    """

    async def _choose_replica_for_request(
        self, pending_request: PendingRequest, *, is_retry: bool = False
    ) -> RunningReplica:
        try:
            return await super()._choose_replica_for_request(pending_request, is_retry=is_retry)
        except asyncio.CancelledError:
            pending_request.args, pending_request.kwargs = [], {}
            raise


class LettingGoRouter(LettingGo, PowerOfTwoChoicesRequestRouter):  # type: ignore[misc]
    """Serve's own choice, for deployments that are sent films; those of a conversation go by `engines.affinity`."""
