"""What operators ask."""

import asyncio

import httpx

from serve_app.domain.errors import EngineGone
from serve_app.domain.service import Readiness, ServiceVersion
from serve_app.settings import GatewaySettings
from tests.api.conftest import Door, open_door


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
    assert response.json() == {"status": "ready", "reason": "serving"}


async def test_readyz_says_why_not() -> None:
    async def unready() -> Readiness:
        return Readiness(False, "no-engine")

    response = await get(open_door(readiness=unready), "/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "not-ready", "reason": "no-engine"}


async def test_readyz_is_false_when_the_engine_is_gone() -> None:
    async def gone() -> Readiness:
        raise EngineGone("the engine stopped")

    response = await get(open_door(readiness=gone), "/readyz")

    assert (response.status_code, response.json()["reason"]) == (503, "engine-gone")


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
        "preparation_version": "clara-prep-1",
    }


async def test_version_is_a_problem_while_there_is_no_engine() -> None:
    async def gone() -> ServiceVersion:
        raise EngineGone("the engine stopped")

    response = await get(open_door(described=gone), "/version")

    assert (response.status_code, response.json()["code"]) == (503, "engine-gone")


async def test_two_doors_share_nothing() -> None:
    first, second = open_door(), open_door()
    await first.post()

    assert (len(first.reporter.asked), len(second.reporter.asked)) == (1, 0)
    assert (first.outcomes, second.outcomes) == (["ok"], [])
