"""Who is next: a bounded number of reports in progress, and a queue in which no tenant waits for another's backlog.

A slot that comes free goes to the most urgent request; among those to the tenant that was served least for its weight,
and there to the oldest. Does not know what a slot is used for.
Source: Goyal, Vin, Cheng: Start-time Fair Queueing (1996).
"""

import asyncio
import heapq
import itertools
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from serve_app.admission.mean import RunningMean
from serve_app.admission.promises import Promises
from serve_app.domain.call import Call, Principal
from serve_app.domain.errors import DeadlineExceeded, Overloaded
from serve_app.settings import AdmissionSettings

# A tenant that asked for less than its share is so many requests ahead of those that asked for more, for its weight: so
# its bursts wait as little as if there were no such tenants.
_MAX_SAVED_REQUESTS = 4
_TOO_MANY = "too many reports are waiting"


@dataclass(order=True)
class _Waiting:
    priority: int
    number: int
    granted: asyncio.Future[None] = field(compare=False)


class FairSlots:
    """The slots of one process; `num_served` counts those that were given, by tenant."""

    def __init__(
        self, settings: AdmissionSettings, num_slots: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._num_slots = num_slots
        self._clock = clock
        self.num_served: Counter[str] = Counter()
        self._used: Counter[str] = Counter()
        self._starts: dict[str, float] = {}
        self._now = 0.0
        self._waiting: dict[str, list[_Waiting]] = {}
        self._numbers = itertools.count()
        self._promises = Promises()
        self._mean_s = RunningMean()

    @property
    def demand(self) -> dict[str, int]:
        """Slots that each tenant has or waits for, here."""
        tenants = self._used.keys() | self._waiting.keys()
        return {tenant: self._used[tenant] + len(self._waiting.get(tenant, ())) for tenant in tenants}

    @property
    def used(self) -> dict[str, int]:
        """Slots that each tenant has, here."""
        return dict(self._used)

    def share(self, num_slots: int, served_elsewhere: Mapping[str, int]) -> None:
        """Set how many slots this process has, and count what other processes have served meanwhile, by tenant."""
        self._num_slots = max(1, num_slots)
        for tenant, num_served in served_elsewhere.items():
            self._serve(tenant, num_served)
        self._grant()

    def require_room(self, principal: Principal) -> None:
        """Return if a report of this caller would come to its turn soon enough, or was told to come now.

        Raises:
            Overloaded: it would not; `retry_after_s` is when it will, and room is kept for the caller until then.
        """
        tenant, now_s = principal.tenant, self._clock()
        is_promised = self._promises.take(tenant, principal.subject, now_s)
        num_promised = self._promises.count(tenant, now_s)
        wait_s = 0.0 if is_promised or self._is_free() else self._expected_wait_s(tenant, num_promised)
        if wait_s <= self._settings.max_wait_s and self._num_waiting < self._settings.max_waiting:
            return
        retry_after_s = self._retry_after_s(wait_s)
        # Those who come again too soon, and again, must not keep their tenant's places for hours.
        if num_promised < self._settings.max_waiting:
            self._promises.add(tenant, principal.subject, now_s + retry_after_s)
        raise Overloaded(_TOO_MANY, retry_after_s)

    @asynccontextmanager
    async def slot(self, call: Call) -> AsyncIterator[None]:
        """Hold a slot.

        Raises:
            Overloaded: too many wait, or the wait would outlast the call's deadline.
            DeadlineExceeded: it did outlast it.
        """
        tenant = call.principal.tenant
        await self._acquire(call, tenant)
        started_s = self._clock()
        try:
            yield
            self._mean_s.note(self._clock() - started_s)
        except DeadlineExceeded:
            # It says how long a client was ready to wait.
            raise
        except Exception:
            self._mean_s.note(self._clock() - started_s)
            raise
        finally:
            self._release(tenant)

    async def _acquire(self, call: Call, tenant: str) -> None:
        if self._is_free():
            self._use(tenant)
            return
        remaining_s = call.deadline_unix_s - time.time()
        wait_s = self._expected_wait_s(tenant, 0)
        # Others may have come while the body did.
        if wait_s > remaining_s or self._num_waiting >= self._settings.max_waiting:
            raise Overloaded(_TOO_MANY, self._retry_after_s(wait_s))
        waiting = _Waiting(call.priority, next(self._numbers), asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting.setdefault(tenant, []), waiting)
        try:
            async with asyncio.timeout(remaining_s):
                await waiting.granted
        except TimeoutError:
            self._give_up(tenant, waiting)
            raise DeadlineExceeded("the report did not come to its turn before its deadline") from None
        except asyncio.CancelledError:
            self._give_up(tenant, waiting)
            raise

    def _give_up(self, tenant: str, waiting: _Waiting) -> None:
        """Return the slot that was just granted, or leave the queue."""
        if not waiting.granted.cancelled() and waiting.granted.done():
            self._release(tenant)
        elif waiting in self._waiting.get(tenant, ()):
            self._waiting[tenant].remove(waiting)
            heapq.heapify(self._waiting[tenant])
            self._drop_empty(tenant)

    def _release(self, tenant: str) -> None:
        self._used[tenant] -= 1
        if self._used[tenant] <= 0:
            del self._used[tenant]
        self._grant()

    def _grant(self) -> None:
        """Give free slots to those who wait."""
        while self._waiting and self._used.total() < self._num_slots:
            tenant = min(self._waiting, key=self._turn)
            waiting = heapq.heappop(self._waiting[tenant])
            self._drop_empty(tenant)
            # Cancelled, but not yet told so.
            if not waiting.granted.done():
                self._use(tenant)
                waiting.granted.set_result(None)

    def _turn(self, tenant: str) -> tuple[int, float, int]:
        first = self._waiting[tenant][0]
        return first.priority, self._start(tenant), first.number

    def _use(self, tenant: str) -> None:
        self._used[tenant] += 1
        self.num_served[tenant] += 1
        self._now = max(self._now, self._start(tenant))
        self._serve(tenant, 1)

    def _serve(self, tenant: str, num_served: int) -> None:
        self._starts[tenant] = self._start(tenant) + num_served / self._settings.of(tenant).weight

    def _start(self, tenant: str) -> float:
        """When a tenant's next request starts, in the time that counts service; who was idle has saved up a little."""
        return max(self._now - _MAX_SAVED_REQUESTS, self._starts.get(tenant, 0.0))

    def _drop_empty(self, tenant: str) -> None:
        if not self._waiting[tenant]:
            del self._waiting[tenant]

    def _is_free(self) -> bool:
        return not self._waiting and self._used.total() < self._num_slots

    @property
    def _num_waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _expected_wait_s(self, tenant: str, num_before: int) -> float:
        """Estimate how long one more request of a tenant waits, behind its own and `num_before` others of it.

        Until the tenant has its share, and what it saved, every slot that comes free is its own; then it must wait for
        its turns.
        """
        if self._mean_s.value is None:
            return 0.0
        share = self._share(tenant)
        num_turns = len(self._waiting.get(tenant, ())) + num_before + 1
        num_saved = (self._now - self._start(tenant)) * self._settings.of(tenant).weight
        num_owed = min(num_turns, max(0.0, share - self._used[tenant], num_saved))
        return self._mean_s.value * (num_owed / self._num_slots + (num_turns - num_owed) / share)

    def _share(self, tenant: str) -> float:
        """Compute the slots that a tenant would have if it wanted all, beside those who are here or told to come."""
        demands = Counter(self.demand) + Counter(self._promises.counts(self._clock()))
        demands[tenant] = self._num_slots
        weights = {one: self._settings.of(one).weight for one in demands}
        return fair_shares(self._num_slots, demands, weights)[tenant]

    def _retry_after_s(self, wait_s: float) -> int:
        return max(1, math.ceil(wait_s - self._settings.max_wait_s))


def fair_shares(total: float, demands: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """Share a total in proportion to weights, but give nobody more than it demands (weighted max-min fairness)."""
    shares: dict[str, float] = {}
    rest, open_weight = total, sum(weights[name] for name in demands)
    for name in sorted(demands, key=lambda name: demands[name] / weights[name]):
        shares[name] = min(demands[name], rest * weights[name] / open_weight)
        rest -= shares[name]
        open_weight -= weights[name]
    return shares
