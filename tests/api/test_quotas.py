"""What a client reads when it may not come in now: 429 is for it to mend, 503 for us, and each says when."""

import asyncio
from typing import Any

from serve_app.admission.slots import FairSlots
from serve_app.settings import AdmissionSettings
from tests.api.conftest import ScriptedReporter, open_door


def with_tenant(**quota: Any) -> AdmissionSettings:
    return AdmissionSettings.model_validate({"default": {"tenant": quota}})


async def test_a_quota_that_is_used_up_is_429_with_the_time_until_the_next() -> None:
    door = open_door(admission=with_tenant(requests_per_minute=2))
    answers = [await door.post() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "30"
    assert answers[2].json()["code"] == "quota-exceeded"
    assert answers[2].json()["facts"] == {"quota": "tenant-requests", "retry_after_s": 30}
    assert door.outcomes == ["ok", "ok", "limited"]


async def test_every_answer_tells_what_is_left_of_the_quota() -> None:
    door = open_door(admission=with_tenant(requests_per_minute=2))
    answers = [await door.post() for _ in range(2)]

    assert [answer.headers["ratelimit-policy"] for answer in answers] == ['"requests";q=2;w=60'] * 2
    assert [answer.headers["ratelimit"] for answer in answers] == ['"requests";r=1;t=30', '"requests";r=0;t=60']


async def test_without_a_quota_no_answer_tells_of_one() -> None:
    assert "ratelimit" not in (await open_door().post()).headers


async def test_a_full_queue_is_503_before_the_body_is_read() -> None:
    door = open_door(ScriptedReporter(hangs_after=0), admission=AdmissionSettings(max_waiting=1), num_slots=1)
    busy = [asyncio.create_task(door.post()) for _ in range(2)]
    await door.reporter.hanging.wait()
    await asyncio.sleep(0.01)

    async def body() -> Any:
        raise AssertionError("the body was read")
        yield b""

    async with door.client() as client:
        response = await client.post("/v1/reports", content=body())
    for one in busy:
        one.cancel()
    await asyncio.gather(*busy, return_exceptions=True)

    assert response.status_code == 503
    assert response.json()["code"] == "overloaded"
    assert int(response.headers["retry-after"]) >= 1
    assert len(door.reporter.asked) == 1


async def test_the_client_may_want_an_answer_sooner_than_the_platforms_limit() -> None:
    door = open_door()
    async with door.client() as client:
        for prefer in ("wait=7", "respond-async, wait=7", "wait=999999", "wait=0", "wait=x", "handling=lenient"):
            await client.post("/v1/reports", files={"image": b"film"}, headers={"Prefer": prefer})

    lasts_s = [call.deadline_unix_s for call, _, _ in door.reporter.asked]
    first_s = lasts_s[0]
    assert [round(last_s - first_s) for last_s in lasts_s] == [0, 0, 113, 113, 113, 113]


def test_a_slot_is_what_an_engine_replica_admits() -> None:
    from serve_app.app import _num_slots
    from serve_app.settings import Settings

    assert _num_slots(Settings()) == Settings().engine.scaling.max_ongoing_requests
    assert _num_slots(Settings(admission=AdmissionSettings(slots_per_engine=3))) == 3
    assert FairSlots(AdmissionSettings(), 3).demand == {}
