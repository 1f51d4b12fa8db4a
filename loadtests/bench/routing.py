"""Where images go: four hundred films, two turns each, over four engine replicas; then the same while replicas change.

Both turns of a report are one call, so that what shows the router's work is the second reading of a film.

Everything is real but the model: Serve, our router, and a scripted engine that knows which images it has in its cache.
"""

import asyncio
import re
import statistics
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
from rich.console import Console

from loadtests.bench.films import drawn_films
from loadtests.bench.origin import origin
from loadtests.bench.servers import free_port
from serve_app.client import AsyncClient, ClientError
from serve_app.launch import platform
from serve_app.settings import Scaling, ScriptedSettings, Settings

NUM_REPLICAS = 4
# With the steady load four replicas are enough; in the surge the autoscaler wants a fifth, beside the killed one's.
STEADY_CLIENTS, SURGE_CLIENTS = 12, 32
_SCALING = Scaling(
    min_replicas=NUM_REPLICAS,
    max_replicas=NUM_REPLICAS + 1,
    target_ongoing_requests=6,
    max_ongoing_requests=32,
    upscale_delay_s=0,
    num_cpus=0.05,
    health_check_period_s=2,
)
# Slow enough for the surge to outlast the start of a replica.
_SCRIPT = ScriptedSettings(image_s=0.05, token_s=0.1, cached_images=1024)
# Of the first films, each is read once more when all are done.
_RE_READ_RATIO = 0.25
# Small films: the time is not what is looked at.
_FILM_WIDTH_PX = 640
# Ray writes its counters out every few seconds.
_METRICS_DELAY_S = 12
_REQUESTS = re.compile(r'ray_serve_deployment_request_counter_total\{(?=[^}]*deployment="engine")([^}]*)\} (\S+)')
_REPLICA = re.compile(r'replica="([^"]+)"')
_ENGINE = "ServeReplica:clara:engine"


@dataclass(frozen=True, slots=True)
class Asked:
    """One report's two turns, by whether the replica had the image in its cache; or why there is none."""

    was_warm: tuple[bool, ...] = ()
    failure: str | None = None


def measure_routing(num_films: int, console: Console) -> dict[str, Any]:
    """Start the platform, replay the films, and replay others while one replica is killed and one is added."""
    scripted = Settings().engine.model_copy(update={"backend": "scripted", "scripted": _SCRIPT, "scaling": _SCALING})
    settings = Settings().model_copy(update={"engine": scripted})
    port, metrics_port = free_port(), free_port()
    with platform(settings, "127.0.0.1", port, metrics_port, tell=console.print) as url:
        measured = asyncio.run(_replays(url, f"http://127.0.0.1:{metrics_port}/metrics", num_films))
    for name, figures in measured.items():
        console.print(name, figures)
    return {**origin(), "replicas": NUM_REPLICAS, "films": num_films, **measured}


async def _replays(url: str, metrics_url: str, num_films: int) -> dict[str, Any]:
    async with AsyncClient(url, max_retries=0) as client, httpx.AsyncClient(trust_env=False) as metrics:

        async def replay(
            seed: int, num_clients: int, midway: Callable[[], None]
        ) -> tuple[dict[str, Any], Counter[str]]:
            before = await _requests(metrics, metrics_url)
            films = drawn_films(seed, num_films, _FILM_WIDTH_PX)
            asked = await replayed(films, num_clients, lambda film: _ask(client, film), midway)
            requests = await _requests(metrics, metrics_url) - before
            again = films[: round(_RE_READ_RATIO * len(films))]
            re_read = await replayed(again, num_clients, lambda film: _ask(client, film), lambda: None)
            return {"clients": num_clients, **figures(asked, requests.values()), **re_read_figures(re_read)}, requests

        steady, known = await replay(1, STEADY_CLIENTS, lambda: None)
        surge, requests = await replay(2, SURGE_CLIENTS, _kill_one)
        new = sorted(number for replica, number in requests.items() if replica not in known)
        return {"steady": steady, "surge, one replica killed": {**surge, "requests_of_new_replicas": new}}


async def replayed(
    films: list[bytes], num_clients: int, ask: Callable[[bytes], Awaitable[Asked]], midway: Callable[[], None]
) -> list[Asked]:
    """Let clients share the films, and do something when a quarter of them are done."""
    waiting, asked = list(films), list[Asked]()

    async def client() -> None:
        while waiting:
            asked.append(await ask(waiting.pop()))
            if len(asked) == len(films) // 4:
                midway()

    await asyncio.gather(*(client() for _ in range(num_clients)))
    return asked


async def _ask(client: AsyncClient, film: bytes) -> Asked:
    try:
        report = await client.report(film)
    except ClientError as error:
        return Asked(failure=error.code)
    return Asked(tuple(turn.cached_tokens > 0 for turn in report.turns))


async def _requests(client: httpx.AsyncClient, metrics_url: str) -> Counter[str]:
    """How many requests each engine replica has had so far, by Serve's own counters."""
    await asyncio.sleep(_METRICS_DELAY_S)
    return counted((await client.get(metrics_url)).text)


def counted(exposition: str) -> Counter[str]:
    """Read the engine replicas' request counters from a scrape."""
    counts: Counter[str] = Counter()
    for labels, value in _REQUESTS.findall(exposition):
        replica = _REPLICA.search(labels)
        if replica is not None:
            counts[replica[1]] += int(float(value))
    return counts


def figures(asked: list[Asked], requests: Collection[int]) -> dict[str, Any]:
    """Sum a replay up; an image that a turn does not find in its replica's cache is encoded there."""
    done = [one for one in asked if one.failure is None]
    return {
        "reports": len(done),
        "failures": dict(Counter(one.failure for one in asked if one.failure is not None)),
        "turn_2_on_the_same_replica": statistics.mean(one.was_warm[1] for one in done),
        "encoder_calls_per_report": statistics.mean(one.was_warm.count(False) for one in done),
        "requests_by_replica": sorted(requests, reverse=True),
        "max_to_mean_load": max(requests) / statistics.mean(requests),
    }


def re_read_figures(asked: list[Asked]) -> dict[str, Any]:
    """Sum up how many second readings of a film found it in their replica's cache."""
    done = [one for one in asked if one.failure is None]
    return {"re_reads": len(done), "re_reads_that_found_their_image": statistics.mean(one.was_warm[0] for one in done)}


def _kill_one() -> None:
    """Kill an engine replica of the platform that this process has started."""
    family = psutil.Process().children(recursive=True)
    next(child for child in family if _ENGINE in " ".join(child.cmdline())).kill()
