"""What operators ask."""

import asyncio
import re

import httpx
import pytest

from serve_app.domain.errors import EngineGone
from serve_app.domain.service import Readiness, ServiceVersion
from serve_app.settings import DEMO_SHA256, GatewaySettings
from tests.api.conftest import Door, listening, open_door


async def get(door: Door, path: str) -> httpx.Response:
    async with door.client() as client:
        return await client.get(path)


async def test_healthz_asks_nobody() -> None:
    async def broken() -> Readiness:
        raise AssertionError("liveness must not depend on the engines")

    response = await get(open_door(readiness=broken, described=broken), "/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_readyz_says_ready(door: Door) -> None:
    response = await get(door, "/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ready", "reason": "serving", "detail": "Reports can be made."}


async def test_readyz_says_why_not() -> None:
    async def unready() -> Readiness:
        return Readiness(False, "engine-failed", "No engine can start: out of memory")

    response = await get(open_door(readiness=unready), "/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "status": "not-ready",
        "reason": "engine-failed",
        "detail": "No engine can start: out of memory",
    }


@pytest.mark.parametrize("reason", ["serving", "at-zero", "no-engine", "engine-busy", "engine-failed"])
async def test_every_reason_is_a_sentence_too(reason: str) -> None:
    async def answered() -> Readiness:
        return Readiness(False, reason)

    response = await get(open_door(readiness=answered), "/readyz")

    assert response.json()["reason"] == reason
    assert re.fullmatch(r"[A-Z].{15,}\.", response.json()["detail"])


async def test_readyz_is_false_when_the_engine_is_gone() -> None:
    async def gone() -> Readiness:
        raise EngineGone("the engine stopped")

    response = await get(open_door(readiness=gone), "/readyz")

    assert (response.status_code, response.json()["reason"]) == (503, "engine-gone")
    assert response.json()["detail"] == "the engine stopped"


async def test_readyz_is_false_when_nobody_answers_in_time() -> None:
    async def hanging() -> Readiness:
        await asyncio.Event().wait()
        raise AssertionError

    response = await get(open_door(settings=GatewaySettings(readiness_timeout_s=0.05), readiness=hanging), "/readyz")

    assert (response.status_code, response.json()["reason"]) == (503, "engine-busy")


async def test_version_names_what_reports_are_made_with(door: Door) -> None:
    response = await get(door, "/version")

    assert response.json() == {
        "version": "0.1.0",
        "model": "clara-demo",
        "engine": "vllm",
        "engine_version": "0.32.0",
        "prompt_version": "clara-vi-1",
        "preparation_version": "clara-prep-3",
        "model_digest": DEMO_SHA256,
    }


async def test_version_is_a_problem_while_there_is_no_engine() -> None:
    async def gone() -> ServiceVersion:
        raise EngineGone("the engine stopped")

    response = await get(open_door(described=gone), "/version")

    assert (response.status_code, response.json()["code"]) == (503, "engine-gone")


async def test_version_waits_no_longer_for_an_engine_than_readiness_does() -> None:
    async def hanging() -> ServiceVersion:
        await asyncio.Event().wait()
        raise AssertionError

    door = open_door(settings=GatewaySettings(readiness_timeout_s=0.05), described=hanging)
    response = await asyncio.wait_for(get(door, "/version"), 5)

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert response.headers["retry-after"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/version", "/health", "/docs", "/openapi.json", "/nowhere"])
async def test_head_is_answered_as_get_is_without_the_body(door: Door, path: str) -> None:
    async with listening(door.app) as address, httpx.AsyncClient(base_url=address) as client:
        head, got = await client.head(path), await client.get(path)

    assert (head.status_code, head.content) == (got.status_code, b"")
    for name in ("content-type", "content-length", "cache-control"):
        assert head.headers[name] == got.headers[name]


async def test_head_makes_no_report(door: Door) -> None:
    async with door.client() as client:
        response = await client.head("/v1/reports")

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert door.outcomes == []


async def test_two_doors_share_nothing() -> None:
    first, second = open_door(), open_door()
    await first.post()

    assert (len(first.reporter.asked), len(second.reporter.asked)) == (1, 0)
    assert (first.outcomes, second.outcomes) == (["ok"], [])
