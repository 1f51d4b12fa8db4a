"""API keys in the database."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, or_, select, update

from serve_app.domain.access import ApiKey
from serve_app.domain.call import Scope
from serve_app.records.database import Database
from serve_app.records.tables import API_KEYS


class StoredKeys:
    """Implements the `KeyStore` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key_id: str) -> ApiKey | None:
        """Read one key; see `ports.KeyStore`."""
        async with self._database.snapshot() as connection:
            row = (await connection.execute(select(API_KEYS).where(API_KEYS.c.id == key_id))).mappings().one_or_none()
        return None if row is None else _key(row)

    async def list_keys(self, tenant: str | None = None) -> list[ApiKey]:
        """Read the keys of a tenant, or all, oldest first; see `ports.KeyStore`."""
        query = select(API_KEYS).order_by(API_KEYS.c.created_unix_s, API_KEYS.c.id)
        if tenant is not None:
            query = query.where(API_KEYS.c.tenant == tenant)
        async with self._database.snapshot() as connection:
            return [_key(row) for row in (await connection.execute(query)).mappings()]

    async def add(self, key: ApiKey) -> None:
        """Keep a new key; see `ports.KeyStore`."""
        async with self._database.transaction() as connection:
            await connection.execute(insert(API_KEYS).values(_row(key)))

    async def revoke(self, key_id: str, unix_s: float) -> None:
        """Revoke a key, unless it is revoked already; see `ports.KeyStore`."""
        column = API_KEYS.c.revoked_unix_s
        await self._set(key_id, column.is_(None), revoked_unix_s=unix_s)

    async def expire(self, key_id: str, unix_s: float) -> None:
        """Let a key end at that time, unless it ends sooner; see `ports.KeyStore`."""
        column = API_KEYS.c.expires_unix_s
        await self._set(key_id, or_(column.is_(None), column > unix_s), expires_unix_s=unix_s)

    async def note_use(self, key_id: str, unix_s: float) -> None:
        """Keep when a key was last used; see `ports.KeyStore`."""
        column = API_KEYS.c.last_used_unix_s
        await self._set(key_id, or_(column.is_(None), column < unix_s), last_used_unix_s=unix_s)

    async def _set(self, key_id: str, condition: Any, **values: float) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(update(API_KEYS).where(API_KEYS.c.id == key_id, condition).values(values))


def _row(key: ApiKey) -> dict[str, Any]:
    return {column.name: getattr(key, column.name) for column in API_KEYS.columns} | {
        "scopes": " ".join(sorted(key.scopes))
    }


def _key(row: Mapping[Any, Any]) -> ApiKey:
    return ApiKey(**{**row, "scopes": frozenset(map(Scope, row["scopes"].split()))})
