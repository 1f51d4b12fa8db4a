"""Fair slots under the load of clients that obey, in virtual time: a Retry-After that is true, and fairness."""

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from serve_app.admission.slots import FairSlots
from serve_app.domain.call import Principal
from serve_app.domain.errors import Overloaded
from tests.slots import call_of, slots_of
from tests.virtual_time import run


@dataclass
class Traffic:
    """Clients that do as they are told: refused, they wait exactly as long as they were told, and try again."""

    slots: FairSlots
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    num_refused: int = 0
    num_first_returns: int = 0
    num_admitted_at_once: int = 0
    durations_s: dict[str, list[float]] = field(default_factory=dict)
    num_done: int = 0

    async def client(self, tenant: str, subject: str, until_s: float, pause_s: float = 0.0) -> None:
        """Ask for one report after the other."""
        loop = asyncio.get_running_loop()
        while loop.time() < until_s:
            started_s, num_tries = loop.time(), 0
            call = call_of(tenant, subject)
            while True:
                try:
                    self.slots.require_room(call.principal)
                    break
                except Overloaded as refusal:
                    num_tries += 1
                    self.num_refused += 1
                    await asyncio.sleep(refusal.retry_after_s)
            if num_tries:
                self.num_first_returns += 1
                self.num_admitted_at_once += num_tries == 1
            async with self.slots.slot(call):
                await asyncio.sleep(self.dice.lognormvariate(0, 0.4))
            self.durations_s.setdefault(tenant, []).append(loop.time() - started_s)
            self.num_done += 1
            await asyncio.sleep(self.dice.expovariate(1 / pause_s) if pause_s else 0)


@pytest.mark.parametrize("num_tenants", [1, 5])
@pytest.mark.parametrize("factor", [2, 5])
def test_whoever_waits_as_long_as_told_is_admitted_at_once(factor: int, num_tenants: int) -> None:
    """Eight slots of about a second: capacity for some seven clients without a pause, ten more in the queue."""

    async def work() -> Traffic:
        seen = Traffic(slots_of(8, max_wait_s=2))
        clients = [f"{number}" for number in range(8 * 3 * factor)]
        await asyncio.gather(*(seen.client(f"tenant {int(name) % num_tenants}", name, 600) for name in clients))
        return seen

    seen = run(work())
    assert seen.num_first_returns > 1000
    assert seen.num_admitted_at_once / seen.num_first_returns >= 0.95
    # Nothing is lost on the way: eight slots, a mean of 1.083 s.
    assert seen.num_done / 600 >= 0.95 * 8 / 1.083


def test_the_wait_that_clients_are_told_is_no_more_than_twice_what_was_needed() -> None:
    """A newcomer that is refused needs the reports before it to end, at least those of all but the last second."""

    async def work() -> tuple[int, int]:
        slots = slots_of(8, max_wait_s=2)
        seen = Traffic(slots)
        loop = asyncio.get_running_loop()
        ends: list[tuple[float, float]] = []

        async def watched(number: int) -> None:
            await seen.client("hospital", f"client {number}", 600)

        async def probe() -> None:
            while loop.time() < 500:
                try:
                    slots.require_room(Principal("probe", "hospital", frozenset()))
                except Overloaded as refusal:
                    told_s, started_s = refusal.retry_after_s, loop.time()
                    num_before = seen.num_done
                    num_needed = max(1, round((told_s - 1) * 8 / 1.083))
                    while seen.num_done < num_before + num_needed:  # noqa: ASYNC110 - virtual time
                        await asyncio.sleep(0.05)
                    ends.append((told_s, loop.time() - started_s))
                await asyncio.sleep(5)

        await asyncio.gather(probe(), *(watched(number) for number in range(60)))
        return len(ends), sum(told_s > 2 * max(needed_s, 1) for told_s, needed_s in ends)

    num_told, num_too_long = run(work())
    assert num_told >= 20
    assert num_too_long <= 0.1 * num_told


@pytest.mark.parametrize(("num_slots", "max_wait_s", "pause_s"), [(16, 10, 0.25), (8, 2, 1.6)])
def test_a_tenant_at_twenty_times_its_share_moves_the_others_little(
    num_slots: int, max_wait_s: float, pause_s: float
) -> None:
    """Five tenants, each with four clients, which with their pauses keep a fifth of the slots busy: its share."""

    async def work(factor: int) -> float:
        seen = Traffic(slots_of(num_slots, max_wait_s=max_wait_s))
        clients = [(f"tenant {number}", 4) for number in range(4)] + [("greedy", 4 * factor)]
        await asyncio.gather(
            *(
                seen.client(tenant, f"client {number}", 900, pause_s=pause_s)
                for tenant, num_clients in clients
                for number in range(num_clients)
            )
        )
        others_s = sorted(one for tenant, all_s in seen.durations_s.items() if tenant != "greedy" for one in all_s)
        return others_s[int(0.95 * len(others_s))]

    usual_s, crowded_s = run(work(1)), run(work(20))
    assert crowded_s <= 1.1 * usual_s
