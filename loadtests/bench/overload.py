"""Asks a platform for more than it can do: five times its capacity, films as large as allowed, and uploads that stall.

The engine is scripted; the door, Serve and the image preparation are real. Nothing is compared.
"""

import asyncio
import contextlib
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import psutil
import yaml
from httpx_sse import aconnect_sse
from rich.console import Console

from loadtests.bench.films import drawn_films, large_films
from loadtests.bench.origin import origin
from loadtests.bench.servers import free_port, running
from serve_app.settings import Settings

_ENGINE = {"max_ongoing_requests": 4, "max_queued_requests": 8}
_SETTINGS: dict[str, Any] = {
    "engine": {"backend": "scripted", "scripted": {"token_s": 0.05}, "scaling": _ENGINE},
}
_FILM_WIDTH_PX = 1200
_PROBES = ("/healthz", "/readyz", "/version")
_PROBLEM = "application/problem+json"
_NUM_STALLED = 350
_NUM_LARGE, _LARGE_BYTES = 12, 49_000_000
# One stream in so many is left by its client after the first event.
_LEAVES = 10
_OUTCOME = re.compile(r'^ray_clara_reports_total\{.*outcome="(\w+)".*\} (\S+)$', re.MULTILINE)
# Ray publishes metrics that often.
_METRICS_S = 15


@dataclass
class Seen:
    """What clients saw: answers by kind, probes by path and status, and the longest answer to a probe."""

    answers: Counter[str] = field(default_factory=Counter)
    probes: Counter[str] = field(default_factory=Counter)
    slowest_probe_s: float = 0.0
    peak_bytes: int = 0

    def figures(self) -> dict[str, Any]:
        """Write everything as plain data."""
        return {
            "answers": dict(sorted(self.answers.items())),
            "probes": dict(sorted(self.probes.items())),
            "slowest_probe_s": round(self.slowest_probe_s, 2),
            "gateway_peak_mib": round(self.peak_bytes / 1024**2),
        }


def measure_overload(factor: float, duration_s: float, console: Console) -> dict[str, Any]:
    """Start a platform and ask too much of it, one way after another."""
    with platform_of(_SETTINGS) as (url, metrics_url):
        result = asyncio.run(_measured(url, metrics_url, factor, duration_s, console))
    limits = {name: getattr(Settings().gateway, name) for name in ("max_in_flight_bytes", "max_uploads")}
    return {**origin(), "engine": _ENGINE, "gateway": limits, **result}


@contextlib.contextmanager
def platform_of(
    settings: Mapping[str, Any], environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[str, str]]:
    """Start a platform and yield its URL and that of its metrics."""
    port, metrics_port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "settings.yaml"
        config.write_text(yaml.safe_dump(settings))
        clara = str(Path(sys.executable).parent / "clara")
        ports = ["--port", str(port), "--metrics-port", str(metrics_port)]
        command = [clara, "up", "--config", str(config), *ports]
        with running(command, f"{url}/readyz", Path(folder) / "up.log", environment):
            yield url, f"http://127.0.0.1:{metrics_port}/metrics"


async def _measured(url: str, metrics_url: str, factor: float, duration_s: float, console: Console) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=180, limits=limits) as client:
        films = drawn_films(71, 8, _FILM_WIDTH_PX)
        capacity_per_s = await _capacity(client, films)
        console.print(f"capacity: {capacity_per_s:.2f} reports/s")
        before = await _outcomes(metrics_url)
        overload = await watched(client, lambda seen: _flood(client, films, factor * capacity_per_s, duration_s, seen))
        counted = await _outcomes(metrics_url) - before
        console.print(overload.figures(), dict(counted))
        large = await watched(client, lambda seen: _send_large(client, seen))
        console.print(large.figures())
        stalled = await watched(client, lambda seen: _stall(client, films, seen))
        console.print(stalled.figures())
    return {
        "capacity_per_s": round(capacity_per_s, 2),
        "overload": {"factor": factor, "duration_s": duration_s, **overload.figures(), "counted": dict(counted)},
        "large": {"uploads": _NUM_LARGE, "bytes": _LARGE_BYTES, **large.figures()},
        "stalled": {"uploads": _NUM_STALLED, **stalled.figures()},
    }


async def _capacity(client: httpx.AsyncClient, films: list[bytes], num_reports: int = 24) -> float:
    """Measure reports per second with as many clients as the engine takes at once."""
    left = iter(range(num_reports))

    async def ask() -> None:
        for number in left:
            (await client.post("/v1/reports", files={"image": films[number % len(films)]})).raise_for_status()

    await client.post("/v1/reports", files={"image": films[0]})
    began = time.monotonic()
    await asyncio.gather(*(ask() for _ in range(_ENGINE["max_ongoing_requests"])))
    return num_reports / (time.monotonic() - began)


async def watched(client: httpx.AsyncClient, work: Callable[[Seen], Awaitable[None]]) -> Seen:
    """Do some work while probes are sent and the gateway's memory is read, once a second."""
    seen = Seen()
    probing = asyncio.create_task(_probe(client, seen))
    await work(seen)
    probing.cancel()
    await asyncio.wait({probing})
    return seen


async def _probe(client: httpx.AsyncClient, seen: Seen) -> None:
    gateway = _gateway()
    while True:
        for path in _PROBES:
            began = time.monotonic()
            status = (await client.get(path)).status_code
            seen.slowest_probe_s = max(seen.slowest_probe_s, time.monotonic() - began)
            seen.probes[f"{path} {status}"] += 1
        seen.peak_bytes = max(seen.peak_bytes, gateway.memory_info().rss)
        await asyncio.sleep(1)


def _gateway() -> psutil.Process:
    children = psutil.Process().children(recursive=True)
    return next(child for child in children if "ServeReplica:clara:gateway" in " ".join(child.cmdline()))


async def _flood(
    client: httpx.AsyncClient, films: list[bytes], rate_per_s: float, duration_s: float, seen: Seen
) -> None:
    """Ask at a fixed rate, whatever comes back: every other request for a stream."""
    began, asked = time.monotonic(), set()
    for number in range(round(rate_per_s * duration_s)):
        await asyncio.sleep(max(0.0, began + number / rate_per_s - time.monotonic()))
        ask = _ask_stream if number % 2 else _ask
        asked.add(asyncio.create_task(ask(client, films[number % len(films)], seen, number)))
    await asyncio.gather(*asked)


async def _ask(client: httpx.AsyncClient, film: bytes, seen: Seen, number: int = 0) -> None:
    seen.answers[kind_of(await client.post("/v1/reports", files={"image": film}))] += 1


async def _ask_stream(client: httpx.AsyncClient, film: bytes, seen: Seen, number: int) -> None:
    async with aconnect_sse(client, "POST", "/v1/reports", files={"image": film}) as source:
        if source.response.status_code != httpx.codes.OK:
            await source.response.aread()
            seen.answers[kind_of(source.response)] += 1
            return
        async for event in source.aiter_sse():
            last = event
            if number % _LEAVES == 1:
                break
    name = last.event if last.event != "error" else f"error {json.loads(last.data)['code']}"
    seen.answers[f"stream {'left' if number % _LEAVES == 1 else name}"] += 1


def kind_of(answer: httpx.Response) -> str:
    """Name an answer by its status, and an error by what it lacks as well."""
    if answer.status_code == httpx.codes.OK:
        return "200"
    if answer.headers.get("content-type") != _PROBLEM:
        return f"{answer.status_code} without a problem document"
    retry = "" if "retry-after" in answer.headers else " without Retry-After"
    return f"{answer.status_code} {answer.json()['code']}{retry}"


async def _send_large(client: httpx.AsyncClient, seen: Seen) -> None:
    (film,) = large_films(72, 1, _LARGE_BYTES)
    await asyncio.gather(*(_ask(client, film, seen) for _ in range(_NUM_LARGE)))


async def _stall(client: httpx.AsyncClient, films: list[bytes], seen: Seen) -> None:
    """Open uploads that send next to nothing; ask for reports beside them until the last was given up."""
    stalled = [asyncio.create_task(_stalled(str(client.base_url), seen)) for _ in range(_NUM_STALLED)]
    number = 0
    while not all(task.done() for task in stalled):
        await _ask(client, films[number % len(films)], seen)
        number += 1
    await asyncio.gather(*stalled)


async def _stalled(url: str, seen: Seen) -> None:
    async with _connected(url) as (reader, writer):
        head = "POST /v1/reports HTTP/1.1\r\nHost: clara\r\nContent-Length: 100000\r\n"
        writer.write(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n".encode())
        status = (await reader.readline()).split(b" ")[1].decode()
        seen.answers[f"stalled {status}"] += 1


@contextlib.asynccontextmanager
async def _connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _outcomes(metrics_url: str) -> Counter[str]:
    """Read how many reports the platform has counted, once everything has been published."""
    await asyncio.sleep(_METRICS_S)
    async with httpx.AsyncClient() as client:
        text = (await client.get(metrics_url)).text
    counted: Counter[str] = Counter()
    for outcome, number in _OUTCOME.findall(text):
        counted[outcome] += round(float(number))
    return counted
