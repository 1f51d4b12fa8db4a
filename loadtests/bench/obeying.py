"""Clients that do as they are told: refused, they wait exactly as long as `Retry-After` says, and come again.

Every request they send is kept, so that the figures are computed from what clients saw.
"""

import asyncio
import itertools
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from loadtests.bench.overload import kind_of

ADMITTED, REFUSED = "200", "503 overloaded"
NEEDED = (
    "A refused client waited from its first refusal to the try that was admitted. It needed as long as one queue, "
    "first come, first served, would have kept it. Before it stood the requests in progress and those refused earlier "
    "that were admitted later. Room was for as many as the platform held in the median of its refusals. The client's "
    "turn was when all but so many of those before it had ended. One second, the shortest Retry-After, always counts."
)
_SHORTEST_S = 1.0


@dataclass(frozen=True, slots=True)
class Caller:
    """One client: whose it is, its API key, and how long it pauses between reports, in the mean."""

    tenant: str
    key: str
    pause_s: float


@dataclass(frozen=True, slots=True)
class Try:
    """One request. Times are of the monotonic clock; `number` counts from 0, which is a report's first try."""

    tenant: str
    number: int
    first_sent_s: float
    first_answered_s: float
    sent_s: float
    answered_s: float
    kind: str


async def ask(
    client: httpx.AsyncClient, callers: Sequence[Caller], films: Sequence[bytes], duration_s: float
) -> list[Try]:
    """Let every caller ask for one report after the other, and return all tries, by the time of their answers."""
    until_s = time.monotonic() + duration_s
    tries: list[Try] = []
    one_by_one = itertools.cycle(films)
    await asyncio.gather(*(_ask(client, caller, one_by_one, until_s, tries) for caller in callers))
    return tries


async def _ask(
    client: httpx.AsyncClient, caller: Caller, films: Iterator[bytes], until_s: float, tries: list[Try]
) -> None:
    dice = random.Random(caller.key)
    await asyncio.sleep(dice.uniform(0, caller.pause_s))
    while time.monotonic() < until_s:
        await _obey(client, caller, next(films), until_s, tries)
        await asyncio.sleep(dice.expovariate(1 / caller.pause_s) if caller.pause_s else 0)


async def _obey(client: httpx.AsyncClient, caller: Caller, film: bytes, until_s: float, tries: list[Try]) -> None:
    """Ask for one report until it is admitted, fails, or the time is over."""
    first_sent_s, first_answered_s = time.monotonic(), 0.0
    for number in itertools.count():
        sent_s = time.monotonic()
        kind, retry_after_s = await _try(client, caller, film)
        answered_s = time.monotonic()
        first_answered_s = first_answered_s or answered_s
        tries.append(Try(caller.tenant, number, first_sent_s, first_answered_s, sent_s, answered_s, kind))
        if kind != REFUSED:
            return
        await asyncio.sleep(min(retry_after_s, until_s - answered_s))
        if time.monotonic() >= until_s:
            return


async def _try(client: httpx.AsyncClient, caller: Caller, film: bytes) -> tuple[str, float]:
    """Ask once; return the kind of answer, and when to come back."""
    headers = {"Authorization": f"Bearer {caller.key}"}
    try:
        answer = await client.post("/v1/reports", files={"image": film}, headers=headers)
    except httpx.TransportError as error:
        return type(error).__name__, 0.0
    return kind_of(answer), float(answer.headers.get("retry-after", 0))


def figures(tries: Sequence[Try], began_s: float, ended_s: float) -> dict[str, Any]:
    """Compute what clients saw of what was answered in a stretch of time, in seconds of the monotonic clock."""
    inside = [one for one in tries if began_s <= one.answered_s < ended_s]
    admitted = [one for one in inside if one.kind == ADMITTED]
    returns = [one for one in inside if one.number > 0]
    kinds = Counter(one.kind for one in inside)
    return {
        "answers": dict(sorted(kinds.items())),
        "other_5xx": sum(number for kind, number in kinds.items() if kind.startswith("5") and kind != REFUSED),
        "reports_per_s": round(len(admitted) / (ended_s - began_s), 3),
        "report_p50_s": percentile([one.answered_s - one.sent_s for one in admitted], 50),
        "report_p95_s": percentile([one.answered_s - one.sent_s for one in admitted], 95),
        "returns": len(returns),
        "admitted_at_once_ratio": _ratio(one.kind == ADMITTED for one in returns),
        **_waits(tries, [one for one in admitted if one.number > 0]),
    }


def _waits(tries: Sequence[Try], returned: Sequence[Try]) -> dict[str, Any]:
    admitted = [one for one in tries if one.kind == ADMITTED]
    held = [_num_held(admitted, one.answered_s) for one in tries if one.kind == REFUSED]
    room = statistics.median(held) if held else 0
    waits_s = [(one.sent_s - one.first_answered_s, needed_s(admitted, room, one)) for one in returned]
    return {
        "waited_p50_s": percentile([waited_s for waited_s, _ in waits_s], 50),
        "needed_p50_s": percentile([needed_s for _, needed_s in waits_s], 50),
        "waited_more_than_twice_ratio": _ratio(
            waited_s > 2 * max(needed_s, _SHORTEST_S) for waited_s, needed_s in waits_s
        ),
    }


def needed_s(admitted: Sequence[Try], room: float, returned: Try) -> float:
    """Return how long a refused client had to wait at least; see `NEEDED`."""
    now_s = returned.first_answered_s
    num_before = _num_held(admitted, now_s) + sum(one.first_answered_s < now_s < one.sent_s for one in admitted)
    num_ends = max(0, round(num_before + 1 - room))
    ends_s = sorted(one.answered_s for one in admitted if one.answered_s > now_s)
    return ends_s[min(num_ends, len(ends_s)) - 1] - now_s if num_ends else 0.0


def percentile(values: Sequence[float], percent: int) -> float | None:
    """Return a percentile, rounded to milliseconds; null of nothing."""
    if len(values) < 2:
        return round(values[0], 3) if values else None
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1], 3)


def _num_held(admitted: Sequence[Try], now_s: float) -> int:
    return sum(one.sent_s <= now_s < one.answered_s for one in admitted)


def _ratio(outcomes: Iterator[bool]) -> float | None:
    counted = list(outcomes)
    return round(sum(counted) / len(counted), 4) if counted else None
