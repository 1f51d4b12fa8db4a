"""Which engine replica gets a conversation: the one that has its image warm, unless that one has too much to do.

A router sees only what its own caller sends; routers agree because they hash the same names, not because they talk.
"""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any, Literal

from ray.serve.request_router import PendingRequest, ReplicaID, RunningReplica

from serve_app.domain.conversation import Dialogue
from serve_app.engines.caches import image_id
from serve_app.routing import LettingGo
from serve_app.telemetry.exporter import Recorder
from serve_app.telemetry.metrics import PLACEMENTS

Outcome = Literal["warm", "home", "moved"]
# Many times what a caller has in progress, and less than a megabyte.
_REMEMBERED_IMAGES = 4096


def ranked(image: str, replicas: Collection[str]) -> list[str]:
    """Order replicas for an image; the first is its home, and taking one away moves only the images it had.

    Source: rendezvous hashing, Thaler and Ravishankar 1998.
    """
    return sorted(replicas, key=lambda replica: hashlib.blake2b(f"{replica} {image}".encode(), digest_size=8).digest())


def load_bound(loads: Collection[int], max_load_ratio: float, min_load_requests: int) -> int:
    """Say how many requests a replica may have with one more of them on its way.

    Source: consistent hashing with bounded loads, Mirrokni, Thorup and Zadimoghaddam 2018.
    """
    return max(min_load_requests, math.ceil(max_load_ratio * (sum(loads) + 1) / len(loads)))


class Placement:
    """Where images go, by the names of replicas; remembers where the last ones went, up to a fixed number of them."""

    def __init__(self, max_load_ratio: float, min_load_requests: int) -> None:
        self._max_load_ratio = max_load_ratio
        self._min_load_requests = min_load_requests
        self._last: OrderedDict[str, str] = OrderedDict()

    def order(self, image: str, has_begun: bool, loads: Mapping[str, int]) -> list[str]:
        """Order all replicas, the best first.

        Args:
            image: names the image for one tenant.
            has_begun: the conversation has turns that its replica holds in its cache; only there it is cheap.
            loads: requests in progress of every replica there is.
        """
        bound = load_bound(loads.values(), self._max_load_ratio, self._min_load_requests)
        last = self._last.get(image)

        def cost(replica: str) -> tuple[int, int]:
            excess, is_cold = max(0, loads[replica] + 1 - bound), int(replica != last)
            return (is_cold, excess) if has_begun else (excess, is_cold)

        return sorted(ranked(image, loads), key=cost)

    def remember(self, image: str, replica: str, replicas: Collection[str]) -> Outcome:
        """Note where an image went, and say how that place was found."""
        last = self._last.pop(image, None)
        self._last[image] = replica
        if len(self._last) > _REMEMBERED_IMAGES:
            self._last.popitem(last=False)
        if replica == last:
            return "warm"
        return "home" if ranked(image, replicas)[:1] == [replica] else "moved"


class AffinityRouter(LettingGo):
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
    dialogue = pending.args[0] if pending is not None and pending.args else None
    if not isinstance(dialogue, Dialogue):
        return None
    request = dialogue.opening
    images = [image for turn in request.turns for image in turn.images]
    if not images:
        return None
    return image_id(request.principal.tenant, images[0].digest), len(request.turns) > 1
