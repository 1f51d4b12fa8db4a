"""Asks for more than a platform can do, by clients that obey it, and beside tenants and attackers that take too much.

The engine is scripted; the door, Serve and the image preparation are real. Nothing is compared.
"""

import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import ServerSentEvent, aconnect_sse
from rich.console import Console

from loadtests.bench.attackers import NUM_ATTACKERS, Attackers
from loadtests.bench.films import drawn_films
from loadtests.bench.obeying import ADMITTED, NEEDED, Caller, Try, ask, figures, percentile
from loadtests.bench.origin import origin
from loadtests.bench.overload import kind_of, platform_of, watched
from serve_app.access.keys import new_key
from serve_app.domain.call import Scope
from serve_app.records.database import Database
from serve_app.records.keys import StoredKeys
from serve_app.records.schema import upgrade_if_new

_NUM_SLOTS = 8
# Both turns pay for the image, so a report takes two seconds, and the engine is slower than two cores.
_MANY = {
    "engine": {"backend": "scripted", "scripted": {"image_s": 1, "cached_images": 0}},
    "admission": {"slots_per_engine": _NUM_SLOTS},
}
# A report takes about fifteen seconds.
_ONE = {
    "engine": {"backend": "scripted", "scripted": {"token_s": 0.5}, "scaling": {"max_ongoing_requests": 1}},
}
_FILM_WIDTH_PX = 600
_FACTORS = (2, 5)
_TENANTS = tuple(f"tenant {number}" for number in range(5))
_GREEDY, _GREED = _TENANTS[-1], 20
# Of each tenant: so many clients that never pause keep every slot busy.
_AT_PEAK = (3, 3, 2, 2, 2)
# So many clients ask for a tenant's share: the pause between their reports is set for that.
_CLIENTS_PER_SHARE = 4
_SETTLE_S = 5.0
# With and without trouble take turns, because the machine's speed changes; each has half of the duration in all.
_NUM_TURNS = 3
_HONEST_CLIENTS = 2
_NUM_TRIALS = 10
_WAIT_S = 3
_TOO_LATE = "504 deadline-exceeded without Retry-After"
_RETRY_S = 0.05


def measure_admission(duration_s: float, console: Console) -> dict[str, Any]:
    """Start two platforms, one with eight slots and one with one, and ask too much of them."""
    load = os.getloadavg()[0]
    with _platform(_MANY) as (url, address):
        many = asyncio.run(_measured(url, address, duration_s, console))
    with _platform(_ONE) as (url, address):
        one = asyncio.run(_measured_with_one_slot(url, address))
    console.print(one)
    settings = {
        "slots": _NUM_SLOTS,
        "duration_s": duration_s,
        "load_average_before": round(load, 2),
    }
    return {**origin(), **settings, "needed": NEEDED, **many, **one}


@dataclass
class Keys:
    """Makes the API keys of clients, one each, in the platform's database."""

    database: Database
    made: dict[tuple[str, int], str] = field(default_factory=dict)

    async def of(self, tenant: str, number: int) -> str:
        """Return the text of a tenant's key, always the same one."""
        if (tenant, number) not in self.made:
            scopes = frozenset({Scope.REPORTS_WRITE})
            key, self.made[tenant, number] = new_key(tenant, f"client {number}", scopes, time.time())
            await StoredKeys(self.database).add(key)
        return self.made[tenant, number]


@contextlib.contextmanager
def _platform(settings: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Start a platform that asks for keys; yield its URL and the address of its database."""
    with tempfile.TemporaryDirectory() as home:
        records = Path(home) / "clara" / "records.db"
        records.parent.mkdir()
        asyncio.run(_make_tables(f"sqlite:///{records}"))
        with platform_of({**settings, "access": {"mode": "required"}}, {"XDG_DATA_HOME": home}) as (url, _):
            yield url, f"sqlite:///{records}"


async def _make_tables(address: str) -> None:
    async with _database(address) as database:
        await upgrade_if_new(database)


@contextlib.asynccontextmanager
async def _database(address: str) -> AsyncIterator[Database]:
    database = Database(address, timeout_s=30)
    try:
        yield database
    finally:
        await database.close()


async def _measured(url: str, address: str, duration_s: float, console: Console) -> dict[str, Any]:
    # Shorter than the server's, so that no request meets a connection that it is closing.
    limits = httpx.Limits(max_connections=None, keepalive_expiry=2)
    async with (
        _database(address) as database,
        httpx.AsyncClient(base_url=url, timeout=180, limits=limits) as client,
    ):
        return await _Bench(client, Keys(database), duration_s, console).measured()


@dataclass
class _Bench:
    """The platform with eight slots, phase by phase."""

    client: httpx.AsyncClient
    keys: Keys
    duration_s: float
    console: Console
    films: list[bytes] = field(default_factory=lambda: drawn_films(73, 8, _FILM_WIDTH_PX))

    async def measured(self) -> dict[str, Any]:
        """Go through all phases."""
        peak = await self._phase("peak", await self._callers(_AT_PEAK, pause_s=0))
        pause_s = (_CLIENTS_PER_SHARE * len(_TENANTS) - _NUM_SLOTS) / peak["reports_per_s"]
        overload = {}
        for factor in _FACTORS:
            callers = await self._callers([factor * _CLIENTS_PER_SHARE] * 5, pause_s)
            found = await self._phase(f"{factor} times", callers)
            overload[str(factor)] = {"goodput_ratio": round(found["reports_per_s"] / peak["reports_per_s"], 3), **found}
        return {
            "pause_s": round(pause_s, 2),
            "peak": peak,
            "overload": overload,
            "fairness": await self._fairness(pause_s),
            "attack": await self._attack(pause_s),
        }

    async def _callers(self, num_clients: Sequence[int], pause_s: float) -> list[Caller]:
        """Give each tenant so many clients."""
        callers = []
        for tenant, number in zip(_TENANTS, num_clients, strict=True):
            for index in range(number):
                callers.append(Caller(tenant, await self._seen_key(tenant, index), pause_s))
        return callers

    async def _seen_key(self, tenant: str, number: int) -> str:
        """Return a key that the platform has verified: the first time takes it a slow hash."""
        key = await self.keys.of(tenant, number)
        await self.client.get("/v1/keys", headers={"Authorization": f"Bearer {key}"})
        return key

    async def _phase(self, name: str, callers: Sequence[Caller]) -> dict[str, Any]:
        """Let callers ask for the whole duration, while probes are sent."""
        tries: list[Try] = []

        async def work(_: object) -> None:
            tries.extend(await ask(self.client, callers, self.films, self.duration_s + _SETTLE_S))

        began_s = time.monotonic() + _SETTLE_S
        probed = (await watched(self.client, work)).figures()
        found = {"clients": len(callers), **figures(tries, began_s, began_s + self.duration_s)}
        found |= {key: probed[key] for key in ("probes", "slowest_probe_s")}
        self.console.print(name, found)
        return found

    async def _fairness(self, pause_s: float) -> dict[str, Any]:
        """Let one tenant ask for twenty times its share, and compare the others' reports, waits outside included."""
        usual = await self._callers([_CLIENTS_PER_SHARE] * 5, pause_s)
        crowded = await self._callers([_CLIENTS_PER_SHARE] * 4 + [_GREED * _CLIENTS_PER_SHARE], pause_s)
        before, after = await self._in_turns(usual, crowded, contextlib.nullcontext)
        others = [[one for one in tries if one.tenant != _GREEDY] for tries in (before, after)]
        found = {"clients": len(usual), "greedy_clients": len(crowded) - len(usual), **_compared(*others)}
        self.console.print("fairness", found)
        return found

    async def _attack(self, pause_s: float) -> dict[str, Any]:
        """Let connections stall beside honest clients, which ask for half of what the platform can do."""
        callers = await self._callers([_HONEST_CLIENTS] * 5, pause_s)
        attackers = Attackers(self.client.base_url, await self._seen_key("attacker", 0))
        found = _compared(*await self._in_turns(callers, callers, attackers.at_work))
        found |= {"connections": NUM_ATTACKERS, "attackers": dict(sorted(attackers.ends.items()))}
        self.console.print("attack", found)
        return found

    async def _in_turns(
        self,
        usual: Sequence[Caller],
        crowded: Sequence[Caller],
        trouble: Callable[[], contextlib.AbstractAsyncContextManager[None]],
    ) -> tuple[list[Try], list[Try]]:
        before, after = list[Try](), list[Try]()
        for _ in range(_NUM_TURNS):
            before += await self._settled(usual)
            async with trouble():
                after += await self._settled(crowded)
        return before, after

    async def _settled(self, callers: Sequence[Caller]) -> list[Try]:
        began_s = time.monotonic() + _SETTLE_S
        tries = await ask(self.client, callers, self.films, self.duration_s / 2 / _NUM_TURNS + _SETTLE_S)
        return [one for one in tries if one.first_sent_s >= began_s]


def _compared(before: Sequence[Try], after: Sequence[Try]) -> dict[str, Any]:
    """Compare the time from a report's first try to its answer."""
    found: dict[str, Any] = {}
    for name, tries in {"before": before, "after": after}.items():
        durations_s = [one.answered_s - one.first_sent_s for one in tries if one.kind == ADMITTED]
        found[f"answers_{name}"] = dict(sorted(Counter(one.kind for one in tries).items()))
        found |= {f"{name}_p{percent}_s": percentile(durations_s, percent) for percent in (50, 95)}
    ratio = (found["after_p95_s"] or 0) / (found["before_p95_s"] or 1)
    return {**found, "p95_ratio": round(ratio, 3)}


async def _measured_with_one_slot(url: str, address: str) -> dict[str, Any]:
    async with _database(address) as database:
        headers = {"Authorization": f"Bearer {await Keys(database).of(_TENANTS[0], 0)}"}
        async with httpx.AsyncClient(base_url=url, timeout=180, headers=headers) as client:
            (film,) = drawn_films(74, 1, _FILM_WIDTH_PX)
            await _first_token_s(client, film)
            left_s = [await _leave(client, film) for _ in range(_NUM_TRIALS)]
            stopped_s = [await _outlast(client, film) for _ in range(_NUM_TRIALS)]
    answered_s = [answered for answered, _ in stopped_s]
    return {
        "leaving": {"trials": _NUM_TRIALS, **_spread("next_first_token", left_s)},
        "deadline": {
            "wait_s": _WAIT_S,
            "trials": _NUM_TRIALS,
            **_spread("answer", answered_s),
            **_spread("next_first_token", [freed for _, freed in stopped_s]),
        },
    }


async def _leave(client: httpx.AsyncClient, film: bytes) -> float:
    """Leave a report while another waits; return the seconds until the engine has begun the other."""
    async with aconnect_sse(client, "POST", "/v1/reports", files={"image": film}) as source:
        # Named, so that it lives on: with the last reference to it the connection ends.
        events = source.aiter_sse()
        await _wait_for_token(events)
        waiting = asyncio.create_task(_first_token_s(client, film))
        await asyncio.sleep(1)
        if waiting.done():
            raise RuntimeError("two reports were in progress in one slot")
        left_s = time.monotonic()
    return await waiting - left_s


async def _outlast(client: httpx.AsyncClient, film: bytes) -> tuple[float, float]:
    """Want a report sooner than it can be; return how long after that time it was given up, and the next one begun."""
    # The last trial's client has just left.
    await asyncio.sleep(1)
    until_s = time.monotonic() + _WAIT_S
    answer = await client.post("/v1/reports", files={"image": film}, headers={"Prefer": f"wait={_WAIT_S}"})
    answered_s = time.monotonic()
    if kind_of(answer) != _TOO_LATE:
        raise RuntimeError(f"a report that takes longer than {_WAIT_S} s was answered with {kind_of(answer)}")
    return answered_s - until_s, await _first_token_s(client, film) - until_s


async def _first_token_s(client: httpx.AsyncClient, film: bytes) -> float:
    """Ask for a report, wait for its first token, and leave; return when it came, by the monotonic clock."""
    while True:
        async with aconnect_sse(client, "POST", "/v1/reports", files={"image": film}) as source:
            if source.response.is_success:
                await _wait_for_token(source.aiter_sse())
                return time.monotonic()
        await asyncio.sleep(_RETRY_S)


async def _wait_for_token(events: AsyncIterator[ServerSentEvent]) -> None:
    async for event in events:
        if event.event == "findings.delta":
            return
    raise RuntimeError("the stream ended before its first token")


def _spread(name: str, values_s: Sequence[float]) -> dict[str, float]:
    return {f"{name}_median_s": round(statistics.median(values_s), 3), f"{name}_max_s": round(max(values_s), 3)}
