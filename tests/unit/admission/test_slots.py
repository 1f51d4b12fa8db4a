"""Who is next, in virtual time: fairness, waiting, and a Retry-After that is true."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.admission.slots import FairSlots, fair_shares
from serve_app.domain.call import Call, Principal
from serve_app.domain.errors import DeadlineExceeded, Overloaded
from serve_app.settings import AdmissionSettings, TenantSettings
from tests.slots import call_of, slots_of
from tests.virtual_time import run


async def held(slots: FairSlots, call: Call, duration_s: float, order: list[str] | None = None) -> float:
    """Hold a slot for a while; tell how long it took to get it."""
    started_s = asyncio.get_running_loop().time()
    async with slots.slot(call):
        waited_s = asyncio.get_running_loop().time() - started_s
        if order is not None:
            order.append(call.principal.tenant)
        await asyncio.sleep(duration_s)
    return waited_s


def test_no_more_reports_are_in_progress_than_there_are_slots() -> None:
    async def work() -> int:
        slots, most = slots_of(3), 0

        async def one() -> None:
            nonlocal most
            async with slots.slot(call_of("hospital")):
                most = max(most, slots.used["hospital"])
                await asyncio.sleep(1)

        await asyncio.gather(*(one() for _ in range(20)))
        assert slots.used == slots.demand == {}
        return most

    assert run(work()) == 3


def test_a_tenant_with_a_backlog_does_not_hold_up_another() -> None:
    async def work() -> list[str]:
        slots, order = slots_of(1), list[str]()
        many = [asyncio.create_task(held(slots, call_of("many"), 1, order)) for _ in range(10)]
        await asyncio.sleep(0.5)
        await held(slots, call_of("few"), 1, order)
        await asyncio.gather(*many)
        return order

    assert run(work()).index("few") == 1


def test_a_tenant_that_asked_for_little_has_a_few_turns_in_advance_and_no_more() -> None:
    async def work() -> list[str]:
        slots, order = slots_of(1), list[str]()
        tasks = [asyncio.create_task(held(slots, call_of("many"), 1, order)) for _ in range(20)]
        await asyncio.sleep(10.5)
        tasks += [asyncio.create_task(held(slots, call_of("few"), 1, order)) for _ in range(7)]
        await asyncio.gather(*tasks)
        return order[11:]

    assert run(work())[:9] == ["few"] * 5 + ["many", "few", "many", "few"]


def test_within_a_tenant_the_urgent_go_first_and_then_the_oldest() -> None:
    async def work() -> list[str]:
        slots, order = slots_of(1), list[str]()

        async def one(name: str, priority: int) -> None:
            async with slots.slot(call_of("hospital", name, priority=priority)):
                order.append(name)
                await asyncio.sleep(1)

        await asyncio.gather(one("first", 0), one("job 1", 5), one("report 1", 0), one("job 2", 5), one("report 2", 0))
        return order

    assert run(work()) == ["first", "report 1", "report 2", "job 1", "job 2"]


def test_slots_follow_the_weights() -> None:
    async def work() -> dict[str, int]:
        slots = slots_of(12, tenants={"large": {"weight": 3}})
        for tenant in ("large", "small"):
            for _ in range(200):
                asyncio.create_task(held(slots, call_of(tenant), 1))  # noqa: RUF006 - the loop ends with them
        await asyncio.sleep(10.5)
        return slots.used

    assert run(work()) == {"large": 9, "small": 3}


def test_what_a_tenant_got_in_other_processes_counts() -> None:
    async def work() -> list[str]:
        slots, order = slots_of(1), list[str]()
        slots.share(1, {"busy elsewhere": 4})
        first = asyncio.create_task(held(slots, call_of("third"), 1))
        await asyncio.sleep(0)
        await asyncio.gather(
            held(slots, call_of("busy elsewhere"), 1, order), held(slots, call_of("other"), 1, order), first
        )
        return order

    assert run(work()) == ["other", "busy elsewhere"]


def test_more_slots_are_used_at_once() -> None:
    async def work() -> float:
        slots = slots_of(1)
        tasks = [asyncio.create_task(held(slots, call_of("hospital"), 10)) for _ in range(4)]
        await asyncio.sleep(1)
        slots.share(4, {})
        return max(await asyncio.gather(*tasks))

    assert run(work()) == 1


@pytest.mark.parametrize("is_granted", [False, True])
def test_who_leaves_while_it_waits_takes_no_slot(is_granted: bool) -> None:
    async def work() -> None:
        slots = slots_of(1)
        first = asyncio.create_task(held(slots, call_of("hospital"), 1))
        await asyncio.sleep(0)
        leaver = asyncio.create_task(held(slots, call_of("hospital"), 1))
        await asyncio.sleep(0)
        if is_granted:
            # Its slot was granted, but it has not run since.
            first.cancel()
            await asyncio.sleep(0)
        leaver.cancel()
        await asyncio.gather(first, leaver, return_exceptions=True)
        assert slots.demand == {}
        assert await held(slots, call_of("hospital"), 1) == 0

    run(work())


def test_a_call_waits_no_longer_than_its_deadline() -> None:
    async def work() -> float:
        slots = slots_of(1)
        first = asyncio.create_task(held(slots, call_of("hospital"), 1000))
        await asyncio.sleep(0)
        with pytest.raises(DeadlineExceeded):
            await held(slots, call_of("hospital", timeout_s=30), 1)
        first.cancel()
        return asyncio.get_running_loop().time()

    assert run(work()) == pytest.approx(30, abs=0.5)


def test_a_call_that_cannot_come_to_its_turn_before_its_deadline_is_refused_at_once() -> None:
    async def work() -> None:
        slots = slots_of(1)
        await held(slots, call_of("hospital"), 10)
        waiting = [asyncio.create_task(held(slots, call_of("hospital"), 10)) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await held(slots, call_of("hospital", timeout_s=20), 1)
        assert asyncio.get_running_loop().time() == 10
        for one in waiting:
            one.cancel()

    run(work())


@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.tuples(st.floats(0, 100), st.floats(0.1, 10)), min_size=1),
    st.floats(0.5, 200),
)
def test_shares_are_fair(tenants: dict[str, tuple[float, float]], total: float) -> None:
    demands = {name: demand for name, (demand, _) in tenants.items()}
    weights = {name: weight for name, (_, weight) in tenants.items()}
    shares = fair_shares(total, demands, weights)

    assert sum(shares.values()) == pytest.approx(min(total, sum(demands.values())))
    assert all(shares[name] <= demands[name] + 1e-9 for name in tenants)
    # Who gets less than it demands has, for its weight, at least what anybody else has.
    short = [shares[name] / weights[name] for name in tenants if shares[name] < demands[name] - 1e-6]
    for level in short:
        assert all(shares[name] / weights[name] <= level + 1e-6 for name in tenants)


def test_a_refused_burst_is_told_to_come_back_one_after_the_other() -> None:
    async def work() -> list[int]:
        slots = slots_of(1, max_wait_s=5)
        await held(slots, call_of("hospital"), 2)
        waiting = [asyncio.create_task(held(slots, call_of("hospital"), 2)) for _ in range(3)]
        await asyncio.sleep(0)
        told = []
        for number in range(5):
            with pytest.raises(Overloaded) as refusal:
                slots.require_room(Principal(f"client {number}", "hospital", frozenset()))
            told.append(refusal.value.retry_after_s)
        for one in waiting:
            one.cancel()
        return told

    assert all(later - sooner == 2 for sooner, later in pairwise(run(work())))


def test_a_tenant_that_has_less_than_its_share_waits_for_any_slot_that_comes_free() -> None:
    """Two of eight slots come free a second: the few get their four first, and need not be refused."""

    async def work() -> None:
        slots = slots_of(8, max_wait_s=2)
        await held(slots, call_of("many"), 4)
        tasks = [asyncio.create_task(held(slots, call_of("many"), 4)) for _ in range(9)]
        await asyncio.sleep(0)
        for number in range(4):
            slots.require_room(Principal(f"{number}", "few", frozenset()))
            tasks.append(asyncio.create_task(held(slots, call_of("few"), 4)))
            await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            slots.require_room(Principal("late", "few", frozenset()))
        for one in tasks:
            one.cancel()

    run(work())


def test_a_client_that_comes_too_soon_and_again_is_not_told_ever_later_times() -> None:
    async def work() -> int:
        slots, longest_s = slots_of(1, max_wait_s=1, max_waiting=5), 0
        await held(slots, call_of("hospital"), 2)
        first = asyncio.create_task(held(slots, call_of("hospital"), 2))
        await asyncio.sleep(0)
        for _ in range(100):
            with pytest.raises(Overloaded) as refusal:
                slots.require_room(Principal("hasty", "hospital", frozenset()))
            longest_s = max(longest_s, refusal.value.retry_after_s or 0)
        await first
        return longest_s

    assert run(work()) <= 2 * (1 + 5 + 1)


def test_the_queue_is_bounded_whatever_the_rate() -> None:
    async def work() -> None:
        slots = slots_of(1, max_waiting=3)
        tasks = [asyncio.create_task(held(slots, call_of("hospital"), 1)) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            slots.require_room(Principal("late", "hospital", frozenset()))
        await asyncio.gather(*tasks)

    run(work())


def test_a_tenants_settings_are_its_own() -> None:
    settings = AdmissionSettings(tenants={"large": TenantSettings(weight=3)})
    assert (settings.of("large").weight, settings.of("unknown").weight) == (3, 1)
