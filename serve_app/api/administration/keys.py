"""The routes by which administrators manage API keys: those of their own tenant, or of every one."""

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from serve_app.access.keys import new_key, rotate
from serve_app.api.administration.bodies import key_body, new_key_body
from serve_app.api.door.access import needs, principal_of
from serve_app.api.examples import ADMINISTRATION_ERRORS, KEY, KEY_TEXT, answer, body_json, problem_answers
from serve_app.client.administration import KeyRequest, KeysBody, NewKeyBody, RotationRequest
from serve_app.domain.access import ApiKey
from serve_app.domain.call import Principal, Scope
from serve_app.domain.errors import Forbidden, NotFound
from serve_app.ports import KeyStore

Caller = Annotated[Principal, Depends(principal_of)]
_ERRORS = problem_answers(ADMINISTRATION_ERRORS)
_ADMIN = needs(Scope.ADMIN)
_NEW_KEY: dict[int | str, dict[str, Any]] = {
    201: answer(body_json(new_key_body(KEY, KEY_TEXT)), "The key; its text is shown this once.")
}


def keys_router(store: KeyStore | None, operator_tenant: str) -> APIRouter:
    """Make the routes under /v1/keys."""
    router = APIRouter(prefix="/v1/keys", tags=["administration"])
    keys = _ManagedKeys(store, operator_tenant)

    @router.post("", status_code=201, responses={**_NEW_KEY, **_ERRORS}, openapi_extra=_ADMIN)
    async def create_key(caller: Caller, asked: KeyRequest) -> NewKeyBody:
        """Make an API key. Its text is in this answer only: what is kept cannot open anything."""
        now_unix_s = time.time()
        tenant = asked.tenant or caller.tenant
        keys.require_may_manage(caller, tenant)
        expires_unix_s = None if asked.expires_in_s is None else now_unix_s + asked.expires_in_s
        key, text = new_key(tenant, asked.name, frozenset(map(Scope, asked.scopes)), now_unix_s, expires_unix_s)
        await keys.store.add(key)
        return new_key_body(key, text)

    @router.get(
        "",
        responses={200: answer(body_json(KeysBody(keys=[key_body(KEY)])), "The keys."), **_ERRORS},
        openapi_extra=_ADMIN,
    )
    async def list_keys(caller: Caller) -> KeysBody:
        """List the API keys of the caller's tenant; operators see every tenant's."""
        return KeysBody(keys=[key_body(key) for key in await keys.seen_by(caller)])

    @router.post("/{key_id}/rotation", status_code=201, responses={**_NEW_KEY, **_ERRORS}, openapi_extra=_ADMIN)
    async def rotate_key(caller: Caller, key_id: str, asked: RotationRequest) -> NewKeyBody:
        """Make a key's successor. The old one works on for `overlap_s`, so that its users can change over."""
        key = await keys.found(caller, key_id)
        return new_key_body(*await rotate(keys.store, key, asked.overlap_s, time.time()))

    @router.delete(
        "/{key_id}", status_code=204, responses={**_ERRORS, 204: {"description": "Revoked."}}, openapi_extra=_ADMIN
    )
    async def revoke_key(caller: Caller, key_id: str) -> Response:
        """Revoke a key; within seconds it opens nothing, on any replica."""
        await keys.store.revoke((await keys.found(caller, key_id)).id, time.time())
        return Response(status_code=204)

    return router


class _ManagedKeys:
    """The keys as far as a caller may see them: another tenant's do not exist."""

    def __init__(self, store: KeyStore | None, operator_tenant: str) -> None:
        self._store = store
        self._operator_tenant = operator_tenant

    @property
    def store(self) -> KeyStore:
        if self._store is None:
            raise NotFound("this platform keeps no API keys: access.mode is open")
        return self._store

    def is_operator(self, caller: Principal) -> bool:
        return caller.tenant == self._operator_tenant

    def require_may_manage(self, caller: Principal, tenant: str) -> None:
        if tenant != caller.tenant and not self.is_operator(caller):
            raise Forbidden("only operators make keys for another tenant", Scope.ADMIN)

    async def seen_by(self, caller: Principal) -> Sequence[ApiKey]:
        return await self.store.list_keys(None if self.is_operator(caller) else caller.tenant)

    async def found(self, caller: Principal, key_id: str) -> ApiKey:
        key = await self.store.find(key_id)
        if key is None or not (key.tenant == caller.tenant or self.is_operator(caller)):
            raise NotFound("there is no such key")
        return key
