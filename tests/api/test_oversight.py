"""Administrators stop drafting and read the audit log: their own tenant's; operators everybody's."""

from typing import Any

import httpx
import pytest

from serve_app.access.door import AnyOf
from serve_app.access.keys import KeyAuthenticator, new_key
from serve_app.domain.audit import Action, AuditEvent
from serve_app.domain.call import Scope
from serve_app.domain.errors import AuditUnavailable, DraftingStopped
from serve_app.domain.service import Readiness
from serve_app.domain.stop import Stop, StopKind
from serve_app.ports import Oversight
from tests.api.conftest import Door, ScriptedReporter, open_door
from tests.keys import Clock, Keys
from tests.oversight import Log, oversight

ALL = Stop(StopKind.ALL, "", "drift", 1.0)
CLINIC = Stop(StopKind.TENANT, "clinic", "drill", 2.0)


class House:
    """A platform with an administrator of a hospital, and one of the operator."""

    def __init__(self, *stops: Stop, log: Log | None = None) -> None:
        self.log = log or Log()
        self.oversight: Oversight = oversight(*stops, log=self.log)
        made = {
            tenant: new_key(tenant, "", frozenset({Scope.ADMIN}), Clock().unix_s) for tenant in ("hospital", "operator")
        }
        self.subjects = {tenant: f"key:{key.id}" for tenant, (key, _) in made.items()}
        self._texts = {tenant: text for tenant, (_, text) in made.items()}
        store = Keys(*(key for key, _ in made.values()))
        authenticator = AnyOf(KeyAuthenticator(store, 2.0, Clock()), None)
        self.door = open_door(authenticator=authenticator, keys=store, oversight=self.oversight)

    async def ask(self, tenant: str, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._texts[tenant]}"}
        async with self.door.client() as client:
            return await client.request(method, path, headers=headers, json=body)

    async def stopped(self) -> set[tuple[str, str]]:
        return {(stop.kind.value, stop.name) for stop in await self.oversight.stops.list_stops()}


async def test_an_administrator_stops_its_own_tenant_and_lifts_that() -> None:
    house = House()
    made = await house.ask("hospital", "POST", "/v1/stops", {"reason": "drill"})
    set_now = await house.stopped()
    lifted = await house.ask("hospital", "DELETE", f"/v1/stops/{made.json()['id']}")

    assert (made.status_code, lifted.status_code) == (201, 204)
    assert (made.json()["kind"], made.json()["name"], made.json()["reason"]) == ("tenant", "hospital", "drill")
    assert (set_now, await house.stopped()) == ({("tenant", "hospital")}, set())


@pytest.mark.parametrize(
    "body", [{"kind": "all"}, {"kind": "model", "name": "demo"}, {"kind": "tenant", "name": "clinic"}]
)
async def test_only_operators_stop_more(body: dict[str, str]) -> None:
    house = House()
    refused = await house.ask("hospital", "POST", "/v1/stops", body)
    made = await house.ask("operator", "POST", "/v1/stops", body)

    assert (refused.status_code, made.status_code) == (403, 201)
    assert await house.stopped() == {(body["kind"], body.get("name", ""))}


@pytest.mark.parametrize("body", [{"kind": "model"}, {"reason": "the patient Nguyễn"}, {"kind": "none"}, {"why": "x"}])
async def test_a_stop_without_a_model_or_with_free_text_is_refused(body: dict[str, str]) -> None:
    house = House()

    assert (await house.ask("operator", "POST", "/v1/stops", body)).status_code == 422
    assert await house.stopped() == set()


async def test_everybody_sees_what_concerns_it_and_lifts_only_its_own() -> None:
    house = House(ALL, CLINIC)
    seen = {
        tenant: [stop["id"] for stop in (await house.ask(tenant, "GET", "/v1/stops")).json()["stops"]]
        for tenant in ("hospital", "operator")
    }
    refused = [(await house.ask("hospital", "DELETE", f"/v1/stops/{stop.id}")).status_code for stop in (ALL, CLINIC)]

    assert seen == {"hospital": [ALL.id], "operator": [ALL.id, CLINIC.id]}
    assert refused == [404, 404]


async def test_stops_and_keys_are_in_the_audit_log_of_the_tenant_that_they_are_about() -> None:
    house = House()
    stop_id = (await house.ask("operator", "POST", "/v1/stops", {"kind": "tenant", "name": "hospital"})).json()["id"]
    await house.ask("operator", "DELETE", f"/v1/stops/{stop_id}")
    await house.ask("operator", "POST", "/v1/stops", {"kind": "all"})
    key = (await house.ask("hospital", "POST", "/v1/keys", {"name": "Dr. A", "scopes": ["chat"]})).json()
    await house.ask("hospital", "POST", f"/v1/keys/{key['id']}/rotation", {})
    await house.ask("hospital", "DELETE", f"/v1/keys/{key['id']}")

    assert [(event.tenant, event.action, event.subject) for event in house.log.events] == [
        ("hospital", Action.STOP_SET, house.subjects["operator"]),
        ("hospital", Action.STOP_LIFTED, house.subjects["operator"]),
        ("operator", Action.STOP_SET, house.subjects["operator"]),
        ("hospital", Action.KEY_MADE, house.subjects["hospital"]),
        ("hospital", Action.KEY_ROTATED, house.subjects["hospital"]),
        ("hospital", Action.KEY_REVOKED, house.subjects["hospital"]),
    ]
    assert house.log.events[0].details == {
        "kind": "tenant", "name": "hospital", "reason": "unstated", "by_tenant": "operator"
    }  # fmt: skip
    assert "Dr. A" not in repr(house.log.events)
    assert key["key"] not in repr(house.log.events)


async def test_a_stop_holds_though_its_entry_cannot_be_written_and_is_not_lifted_without_one() -> None:
    house = House(CLINIC, log=Log(is_down=True))
    answers = [
        await house.ask("operator", "POST", "/v1/stops", {"kind": "all"}),
        await house.ask("operator", "DELETE", f"/v1/stops/{CLINIC.id}"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "audit-unavailable")] * 2
    assert await house.stopped() == {("all", ""), ("tenant", "clinic")}


async def test_a_tenant_reads_its_own_log_in_pages() -> None:
    house = House()
    for tenant, number in (("hospital", 1), ("clinic", 2), ("hospital", 3), ("hospital", 4)):
        await house.log.append(AuditEvent(tenant, "key:1", Action.REPORT_DRAFTED, f"rpt_{number}", "r", {}))
    first = (await house.ask("hospital", "GET", "/v1/audit?limit=2")).json()
    second = (await house.ask("hospital", "GET", f"/v1/audit?limit=2&after={first['next_after']}")).json()

    assert [entry["object"] for entry in first["entries"]] == ["rpt_1", "rpt_3"]
    assert [entry["object"] for entry in second["entries"]] == ["rpt_4"]
    assert second["next_after"] is None


async def test_only_operators_read_the_log_of_another_tenant() -> None:
    house = House()
    await house.log.append(AuditEvent("clinic", "key:1", Action.REPORT_DRAFTED, "rpt_1", "r", {}))
    refused = await house.ask("hospital", "GET", "/v1/audit?tenant=clinic")
    read = await house.ask("operator", "GET", "/v1/audit?tenant=clinic")

    assert refused.status_code == 403
    assert [entry["object"] for entry in read.json()["entries"]] == ["rpt_1"]


async def test_a_platform_without_a_database_has_neither() -> None:
    async with open_door().client() as client:
        answers = [
            await client.get("/v1/stops"),
            await client.get("/v1/audit"),
            await client.post("/v1/stops", json={}),
        ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


@pytest.mark.parametrize(
    ("stops", "status", "reason"), [((ALL,), 503, "stopped"), ((CLINIC,), 200, "partly-stopped"), ((), 200, "serving")]
)
async def test_readyz_says_what_is_stopped(stops: tuple[Stop, ...], status: int, reason: str) -> None:
    async with open_door(oversight=oversight(*stops)).client() as client:
        response = await client.get("/readyz")

    assert (response.status_code, response.json()["reason"]) == (status, reason)


async def test_readyz_is_not_ready_before_the_stops_were_read_once() -> None:
    watched = oversight()
    watched.stops.is_down = True  # type: ignore[attr-defined]
    async with open_door(oversight=watched).client() as client:
        assert (await client.get("/readyz")).status_code == 503


async def test_readyz_still_says_that_no_engine_runs() -> None:
    async def no_engine() -> Readiness:
        return Readiness(False, "no-engine")

    async with open_door(readiness=no_engine, oversight=oversight(CLINIC)).client() as client:
        assert (await client.get("/readyz")).json()["reason"] == "no-engine"


async def test_a_client_learns_that_drafting_is_stopped_and_why_and_is_given_no_time_to_come_back() -> None:
    door: Door = open_door(ScriptedReporter([], DraftingStopped("an operator stopped drafting", "tenant", "drill")))
    response = await door.post()

    assert (response.status_code, response.json()["code"]) == (503, "drafting-stopped")
    assert response.json()["facts"] == {"stopped": "tenant", "reason": "drill"}
    assert "retry-after" not in response.headers
    assert door.outcomes == ["refused"]


async def test_a_report_without_an_entry_is_an_error_of_ours() -> None:
    door = open_door(ScriptedReporter([], AuditUnavailable("the audit log cannot be written now")))
    response = await door.post()

    assert (response.status_code, response.json()["code"]) == (503, "audit-unavailable")
    assert "retry-after" in response.headers
    assert door.outcomes == ["unavailable"]
