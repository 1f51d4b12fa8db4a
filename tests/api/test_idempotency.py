"""The same request under one Idempotency-Key is answered alike, and the report is made once."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import httpx
import pytest

from serve_app.api.examples import EVENTS, REPORT
from serve_app.domain.answer import Claim
from serve_app.domain.errors import EngineGone, KeyReused, Unavailable
from serve_app.domain.report import Report
from tests.api.conftest import FILM, Door, ScriptedReporter, open_door

KEY = {"Idempotency-Key": "3c0f4a8e"}


@dataclass
class Answers:
    """A store in memory that may be down; it remembers who gave a key back."""

    kept: dict[tuple[str, str], tuple[Claim, Report | None]] = field(default_factory=dict)
    dropped: list[Claim] = field(default_factory=list)
    is_down: bool = False

    async def claim(self, claim: Claim) -> Report | Literal["ours", "running"]:
        if self.is_down:
            raise Unavailable("the database does not answer")
        found, report = self.kept.setdefault((claim.tenant, claim.key), (claim, None))
        if found.fingerprint != claim.fingerprint:
            raise KeyReused("this Idempotency-Key was used for another request")
        return "ours" if found is claim else report or "running"

    async def renew(self, claim: Claim) -> None: ...

    async def keep(self, claim: Claim, report: Report) -> None:
        self.kept[claim.tenant, claim.key] = (claim, report)

    async def drop(self, claim: Claim) -> None:
        self.dropped.append(claim)
        if self.kept.get((claim.tenant, claim.key), (None, REPORT))[1] is None:
            del self.kept[claim.tenant, claim.key]


def door_with(answers: Answers | None = None, reporter: ScriptedReporter | None = None) -> Door:
    return open_door(reporter, answers=answers or Answers())


async def post(
    door: Door, image: bytes = FILM, headers: Mapping[str, str | bytes] = KEY, **fields: str
) -> httpx.Response:
    async with door.client() as client:
        return await client.post("/v1/reports", files={"image": image}, data=fields, headers=headers)


async def test_the_second_attempt_brings_the_first_ones_report() -> None:
    door = door_with()
    first, second = await post(door, age="63"), await post(door, age="63")

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert len(door.reporter.asked) == 1


async def test_a_form_that_is_built_anew_is_the_same_request() -> None:
    door = door_with()
    async with door.client() as client:
        for name in ("film.png", "again.png"):
            await client.post("/v1/reports", files={"image": (name, FILM)}, headers=KEY)

    assert len(door.reporter.asked) == 1


@pytest.mark.parametrize("changed", [{"image": FILM + b"."}, {"age": "64"}, {"view": "AP"}, {"confirm": "true"}])
async def test_another_request_under_the_same_key_is_refused(changed: dict[str, str | bytes]) -> None:
    door = door_with()
    await post(door)
    response = await post(door, **changed)  # type: ignore[arg-type]

    assert response.status_code == 422
    assert response.json()["code"] == "key-reused"
    assert len(door.reporter.asked) == 1


async def test_whoever_asks_while_the_first_still_runs_gets_its_report() -> None:
    door = door_with(reporter=ScriptedReporter(slow_s=0.05))
    answers = await asyncio.gather(*(post(door) for _ in range(5)))

    assert len({answer.text for answer in answers}) == 1
    assert len(door.reporter.asked) == 1


async def test_a_stream_that_is_asked_for_again_ends_in_the_same_report() -> None:
    door = door_with()
    first = await post(door)
    stream = await post(door, headers={**KEY, "Accept": "text/event-stream"})
    names = [line.removeprefix("event: ") for line in stream.text.splitlines() if line.startswith("event: ")]
    last = [line.removeprefix("data: ") for line in stream.text.splitlines() if line.startswith("data: ")][-1]

    assert names == ["prepared", "findings", "impression", "report"]
    assert json.loads(last) == first.json()


async def test_the_report_is_kept_before_the_client_reads_it() -> None:
    answers = Answers()
    stop_at_report = ScriptedReporter(events=EVENTS)
    door = door_with(answers, stop_at_report)
    await post(door)

    assert answers.kept["local", "3c0f4a8e"][1] == REPORT


async def test_an_attempt_that_failed_leaves_the_key_free() -> None:
    answers, failing = Answers(), ScriptedReporter(events=EVENTS[:2], error=EngineGone())
    door = door_with(answers, failing)
    failed = await post(door)
    failing.events, failing.error = EVENTS, None

    assert failed.status_code == 503
    assert (await post(door)).status_code == 200
    assert len(answers.dropped) == 2


async def test_a_client_that_leaves_gives_the_key_back() -> None:
    answers, reporter = Answers(), ScriptedReporter(hangs_after=1)
    door = door_with(answers, reporter)
    leaver = asyncio.create_task(post(door))
    await reporter.hanging.wait()
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    await reporter.closed.wait()
    await asyncio.sleep(0.05)

    assert answers.kept == {}


async def test_tenants_and_requests_without_a_key_have_nothing_in_common() -> None:
    door = door_with()
    for headers in (KEY, {}, {}):
        await post(door, headers=headers)

    assert len(door.reporter.asked) == 3


@pytest.mark.parametrize("key", ["", "with space", "é", "x" * 256])
async def test_a_malformed_key_is_refused(key: str) -> None:
    response = await post(door_with(), headers={"Idempotency-Key": key.encode()})

    assert response.status_code == 400


async def test_where_nothing_is_kept_a_key_is_refused_rather_than_ignored() -> None:
    response = await post(open_door())

    assert response.status_code == 400
    assert "keeps no answers" in response.json()["detail"]


async def test_a_store_that_is_down_makes_no_report_that_could_be_made_twice() -> None:
    door = door_with(Answers(is_down=True))

    assert (await post(door)).status_code == 503
    assert door.reporter.asked == []


async def test_the_first_versions_route_takes_keys_too() -> None:
    door = door_with(reporter=ScriptedReporter(events=(*EVENTS[:-1], replace(REPORT, id="rpt_one"))))
    async with door.client() as client:
        answers = [
            await client.post("/predict", files={"image": FILM}, data={"sex": "Nam"}, headers=KEY) for _ in range(2)
        ]

    assert answers[0].text == answers[1].text
    assert len(door.reporter.asked) == 1
