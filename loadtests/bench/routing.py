"""Counts on which of four engine replicas the two turns of 400 images run, also while replicas come and go.

Both turns of a report are one call, so the router's work shows when an image is read a second time. Serve and our
router are real; the engine is scripted, and knows which images are in its cache.
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
# Four replicas suffice for the steady load. In the surge the autoscaler adds a fifth, and replaces the killed one.
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
# Slow enough for the surge to last longer than a replica's start.
_SCRIPT = ScriptedSettings(image_s=0.05, token_s=0.1, cached_images=1024)
# This many of the first images are read again at the end.
_RE_READ_RATIO = 0.25
# Small images, because time is not measured.
_FILM_WIDTH_PX = 640
# Ray exports its counters every few seconds.
_METRICS_DELAY_S = 12
_REQUESTS = re.compile(r'ray_serve_deployment_request_counter_total\{(?=[^}]*deployment="engine")([^}]*)\} (\S+)')
_REPLICA = re.compile(r'replica="([^"]+)"')
_ENGINE = "ServeReplica:clara:engine"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whether each of one report's two turns found the image in its replica's cache; or the error."""

    was_warm: tuple[bool, ...] = ()
    failure: str | None = None


def measure_routing(num_films: int, console: Console) -> dict[str, Any]:
    """Start the platform, replay the images, and replay others while one replica is killed and one is added."""
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
    """Have clients share the images, and call `midway` when a quarter are done."""
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
    """Read each engine replica's number of requests so far from Serve's counters."""
    await asyncio.sleep(_METRICS_DELAY_S)
    return counted((await client.get(metrics_url)).text)


def counted(exposition: str) -> Counter[str]:
    """Parse the engine replicas' request counters of a scrape."""
    counts: Counter[str] = Counter()
    for labels, value in _REQUESTS.findall(exposition):
        replica = _REPLICA.search(labels)
        if replica is not None:
            counts[replica[1]] += int(float(value))
    return counts


def figures(asked: list[Asked], requests: Collection[int]) -> dict[str, Any]:
    """Summarise a replay. An image that a turn does not find in its replica's cache is encoded there."""
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
    """Count how many second readings of an image found it in their replica's cache."""
    done = [one for one in asked if one.failure is None]
    return {"re_reads": len(done), "re_reads_that_found_their_image": statistics.mean(one.was_warm[0] for one in done)}


def _kill_one() -> None:
    """Kill an engine replica of this process's platform."""
    family = psutil.Process().children(recursive=True)
    next(child for child in family if _ENGINE in " ".join(child.cmdline())).kill()
