"""Every route against every kind of caller: the walk goes over the OpenAPI document, so a new route is in it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from serve_app.access.door import AnyOf
from serve_app.access.keys import KeyAuthenticator, new_key
from serve_app.api.door.access import require_declared
from serve_app.domain.access import ApiKey
from serve_app.domain.call import Scope
from tests.api.conftest import FILM, Door, open_door
from tests.keys import Clock, Keys

NOW_UNIX_S = Clock().unix_s
OTHERS = new_key("clinic", "another tenant's", frozenset(Scope), NOW_UNIX_S)[0]
OWN = new_key("hospital", "the tenant's own", frozenset(Scope), NOW_UNIX_S)[0]
PUBLIC = {"GET /healthz", "GET /readyz", "GET /version", "GET /health"}
"""What anybody may ask: nothing here tells of a patient or a tenant."""
BODIES: dict[str, Any] = {
    "POST /v1/reports": {"files": {"image": ("film.png", FILM)}},
    "POST /predict": {"files": {"image": ("film.png", FILM)}, "data": {"sex": "Nam", "age": "63"}},
    "POST /v1/keys": {"json": {"name": "a key", "scopes": ["reports:write"]}},
    "POST /v1/keys/{key_id}/rotation": {"json": {}},
}


def operations() -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in open_door().app.openapi()["paths"].items()
        for method, operation in methods.items()
    }


OPERATIONS = operations()
GUARDED = sorted(OPERATIONS.keys() - PUBLIC)
WITH_ID = [name for name in GUARDED if "{" in name]


def scope_of(name: str) -> Scope:
    [needed] = {scope for way in OPERATIONS[name]["security"] for scopes in way.values() for scope in scopes}
    return Scope(needed)


def callers(needed: Scope) -> Iterator[tuple[str, int, ApiKey | None, str | None]]:
    """Each kind of caller: its name, the status it gets, the key that is kept, and what it sends."""
    valid, text = new_key("hospital", "", frozenset({needed}), NOW_UNIX_S)
    yield "no key", 401, valid, None
    yield "a scheme that is not Bearer", 401, valid, f"Basic {text}"
    yield "an unknown key", 401, None, f"Bearer {text}"
    yield "rubbish", 401, None, "Bearer clara_rubbish"
    without, text = new_key("hospital", "", frozenset(Scope) - {needed}, NOW_UNIX_S)
    yield "every scope but the one", 403, without, f"Bearer {text}"
    ended, text = new_key("hospital", "", frozenset({needed}), NOW_UNIX_S - 9, NOW_UNIX_S - 1)
    yield "an expired key", 401, ended, f"Bearer {text}"


def door_for(*kept: ApiKey) -> tuple[Door, Keys]:
    store = Keys(OWN, OTHERS, *kept)
    return open_door(authenticator=AnyOf(KeyAuthenticator(store, 2.0, Clock()), None), keys=store), store


async def asked(door: Door, name: str, authorization: str | None, key_id: str = OWN.id) -> httpx.Response:
    method, path = name.split()
    headers = {} if authorization is None else {"Authorization": authorization}
    async with door.client() as client:
        return await client.request(method, path.format(key_id=key_id), headers=headers, **BODIES.get(name, {}))


def test_only_these_routes_are_public() -> None:
    assert {name for name, operation in OPERATIONS.items() if operation["security"] == []} == PUBLIC


@pytest.mark.parametrize("name", GUARDED)
async def test_who_may_not_is_refused_before_anything_is_done(name: str) -> None:
    for kind, status, kept, authorization in callers(scope_of(name)):
        door, store = door_for(*([] if kept is None else [kept]))
        before = dict(store.kept)
        response = await asked(door, name, authorization)

        assert response.status_code == status, kind
        assert response.headers["www-authenticate"].startswith("Bearer "), kind
        assert ("scope=" in response.headers["www-authenticate"]) == (status == 403), kind
        assert door.reporter.asked == [], kind
        assert store.kept.keys() == before.keys(), kind


@pytest.mark.parametrize("name", GUARDED)
async def test_a_revoked_key_is_refused(name: str) -> None:
    valid, text = new_key("hospital", "", frozenset({scope_of(name)}), NOW_UNIX_S)
    door, store = door_for(valid)
    await store.revoke(valid.id, NOW_UNIX_S)

    assert (await asked(door, name, f"Bearer {text}")).status_code == 401


@pytest.mark.parametrize("name", GUARDED)
async def test_the_one_scope_is_enough(name: str) -> None:
    valid, text = new_key("hospital", "", frozenset({scope_of(name)}), NOW_UNIX_S)
    door, _ = door_for(valid)

    assert (await asked(door, name, f"bearer {text}")).is_success


@pytest.mark.parametrize("name", WITH_ID)
async def test_what_belongs_to_another_tenant_is_not_there(name: str) -> None:
    valid, text = new_key("hospital", "", frozenset(Scope), NOW_UNIX_S)
    door, store = door_for(valid)
    others = await asked(door, name, f"Bearer {text}", OTHERS.id)
    absent = await asked(door, name, f"Bearer {text}", "0123456789abcdef")

    assert others.status_code == absent.status_code == 404
    assert others.json() | {"request_id": ""} == absent.json() | {"request_id": ""}
    assert store.kept[OTHERS.id] == OTHERS


async def test_nobody_sees_or_makes_keys_of_another_tenant_but_operators() -> None:
    admin, text = new_key("hospital", "", frozenset({Scope.ADMIN}), NOW_UNIX_S)
    operator, operators_text = new_key("operator", "", frozenset({Scope.ADMIN}), NOW_UNIX_S)
    door, _ = door_for(admin, operator)
    body = {"name": "a key", "scopes": ["reports:write"], "tenant": "clinic"}
    async with door.client() as client:
        own, all_keys, refused, made = [
            await client.request(method, "/v1/keys", headers={"Authorization": f"Bearer {key}"}, json=content)
            for method, key, content in (
                ("GET", text, None),
                ("GET", operators_text, None),
                ("POST", text, body),
                ("POST", operators_text, body),
            )
        ]

    assert {key["tenant"] for key in own.json()["keys"]} == {"hospital"}
    assert {key["tenant"] for key in all_keys.json()["keys"]} == {"hospital", "clinic", "operator"}
    assert refused.status_code == 403
    assert made.json()["tenant"] == "clinic"


async def test_a_made_key_opens_and_its_text_is_shown_once() -> None:
    admin, text = new_key("hospital", "", frozenset({Scope.ADMIN}), NOW_UNIX_S)
    door, _ = door_for(admin)
    made = (await asked(door, "POST /v1/keys", f"Bearer {text}")).json()
    listed = (await asked(door, "GET /v1/keys", f"Bearer {text}")).text

    assert (await asked(door, "POST /v1/reports", f"Bearer {made['key']}")).status_code == 200
    assert made["id"] in listed
    assert made["key"] not in listed
    assert "scrypt" not in listed


async def test_the_reporter_works_for_the_keys_tenant() -> None:
    valid, text = new_key("hospital", "", frozenset({Scope.REPORTS_WRITE}), NOW_UNIX_S)
    door, _ = door_for(valid)
    await asked(door, "POST /v1/reports", f"Bearer {text}")

    [(call, _, _)] = door.reporter.asked
    assert call.principal.tenant == "hospital"
    assert call.principal.subject == f"key:{valid.id}"


async def test_two_credentials_are_refused() -> None:
    valid, text = new_key("hospital", "", frozenset(Scope), NOW_UNIX_S)
    door, _ = door_for(valid)
    async with door.client() as client:
        response = await client.get("/v1/keys", headers=[("Authorization", f"Bearer {text}")] * 2)

    assert response.status_code == 401


async def test_who_is_refused_is_counted_as_denied_and_no_byte_of_its_body_is_read() -> None:
    door, _ = door_for()

    async def body() -> Any:
        raise AssertionError("the body was read")
        yield b""

    async with door.client() as client:
        response = await client.post("/v1/reports", content=body())

    assert response.status_code == 401
    assert door.outcomes == ["denied"]


def test_a_route_that_declares_nothing_keeps_the_api_from_starting() -> None:
    app = FastAPI(docs_url=None, redoc_url=None)

    @app.get("/forgotten")
    def forgotten() -> None: ...

    with pytest.raises(ValueError, match="/forgotten declares no scope"):
        require_declared(app)
