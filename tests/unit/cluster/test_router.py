"""Serve's routers keep images to their replica, and keep nothing that nobody waits for."""

import asyncio
import uuid
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ray.serve._private.common import DeploymentHandleSource, DeploymentID, ReplicaID
from ray.serve.request_router import PendingRequest, RequestRouter

from serve_app.cluster.router import AffinityRouter, DropsCancelledRouter
from serve_app.domain.conversation import Dialogue, GenerationRequest, Role, Turn
from serve_app.domain.radiograph import GateOutcome, GateVerdict, Radiograph, Source
from serve_app.engines.placement import ranked
from tests.calls import call

REPLICAS = ["a", "b", "c", "d"]


@dataclass(frozen=True)
class Replica:
    """What the router reads of Serve's `RunningReplica`."""

    replica_id: ReplicaID
    max_ongoing_requests: int = 16
    node_id: str = "node"
    availability_zone: str = "zone"
    multiplexed_model_ids: frozenset[str] = frozenset()

    async def get_queue_len(self, *, deadline_s: float) -> int:
        return 0


def conversation(digest: str, tenant: str = "one", num_turns: int = 1) -> PendingRequest:
    image = Radiograph(
        np.zeros((28, 28, 3), np.uint8), digest, Source("PNG", 28, 28, 8), GateVerdict(GateOutcome.PASS, 1.0, "x")
    )
    turns = (Turn(Role.USER, "?", (image,)), *(Turn(Role.ASSISTANT, "!") for _ in range(num_turns - 1)))
    return pending(call(tenant), Dialogue(GenerationRequest("request", turns)))


def pending(*args: Any) -> PendingRequest:
    metadata: Any = SimpleNamespace(
        internal_request_id=f"{uuid.uuid4()}", session_id="a client's word", multiplexed_model_id=""
    )
    return PendingRequest(list(args), {}, metadata)


async def router() -> AffinityRouter:
    deployment = DeploymentID("engine", "clara")
    made = AffinityRouter(deployment, DeploymentHandleSource.REPLICA, use_replica_queue_len_cache=True)
    made.initialize_state(max_load_ratio=1.25, min_load_requests=4)
    made.update_replicas([Replica(ReplicaID(name, deployment)) for name in REPLICAS])
    await asyncio.sleep(0)
    return made


async def first_choice(made: AffinityRouter, request: PendingRequest) -> str:
    ranks = await made.choose_replicas(list(made.curr_replicas.values()), request)
    return ranks[0][0].replica_id.unique_id


async def test_two_routers_agree_without_talking() -> None:
    one, other = await router(), await router()

    for number in range(50):
        assert await first_choice(one, conversation(f"{number}")) == await first_choice(
            other, conversation(f"{number}")
        )


async def test_a_router_reads_load_from_what_replicas_tell() -> None:
    made = await router()
    home = await first_choice(made, conversation("film"))

    made.on_new_queue_len_info(ReplicaID(home, DeploymentID("engine", "clara")), 12)

    assert await first_choice(made, conversation("film")) != home


async def test_turn_two_follows_turn_one() -> None:
    made = await router()
    elsewhere = ranked("x", REPLICAS)[-1]
    made.on_request_routed(conversation("film"), ReplicaID(elsewhere, DeploymentID("engine", "clara")), None)

    assert await first_choice(made, conversation("film", num_turns=3)) == elsewhere


async def test_equal_films_of_two_tenants_are_two_images() -> None:
    made = await router()

    homes = {await first_choice(made, conversation("film", f"tenant {number}")) for number in range(40)}

    assert homes == set(REPLICAS)


@pytest.mark.parametrize("make_router", [AffinityRouter, DropsCancelledRouter])
async def test_a_film_is_let_go_when_its_client_leaves_before_there_is_a_replica(
    make_router: Callable[..., RequestRouter],
) -> None:
    made = make_router(deployment_id=DeploymentID("step", "clara"), handle_source=DeploymentHandleSource.REPLICA)
    left = pending(np.zeros((28, 28, 3), np.uint8))
    film = weakref.ref(left.args[0])
    waiting = asyncio.create_task(made._choose_replica_for_request(left))
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.wait({waiting})

    assert waiting.cancelled() and film() is None


async def test_who_waits_gets_the_replica_that_comes() -> None:
    deployment = DeploymentID("step", "clara")
    made = DropsCancelledRouter(deployment_id=deployment, handle_source=DeploymentHandleSource.REPLICA)
    gone, patient = pending("film of one who leaves"), pending("film")
    waiting = [asyncio.create_task(made._choose_replica_for_request(one)) for one in (gone, patient)]
    await asyncio.sleep(0)
    waiting[0].cancel()

    made.update_replicas([Replica(ReplicaID("a", deployment))])

    assert (await asyncio.wait_for(waiting[1], 5)).replica_id.unique_id == "a"
    assert patient.args == ["film"]


async def test_what_is_about_no_image_goes_to_whoever_is_free() -> None:
    made = await router()
    replicas = list(made.curr_replicas.values())

    assert await made.choose_replicas(replicas, pending()) == [replicas]
    assert await made.choose_replicas(replicas, None) == [replicas]
