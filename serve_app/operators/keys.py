"""`clara keys`: make, list, replace and revoke API keys, on the machine that has the database."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from serve_app.access.keys import new_key, rotate
from serve_app.domain.access import ApiKey
from serve_app.domain.call import Scope
from serve_app.domain.errors import NotFound
from serve_app.operators.terminal import Config, err, out, records, run
from serve_app.records.keys import StoredKeys
from serve_app.records.schema import require_current, upgrade_if_new

keys = typer.Typer(no_args_is_help=True, help="Make, list, replace and revoke API keys.")

KeyId = Annotated[str, typer.Argument(help="The key's id: the part between the two underscores.")]
_DAY_S = 86_400.0


@keys.command()
def create(
    name: Annotated[str, typer.Option(help="Who or what uses the key.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; give it once for each.")],
    tenant: Annotated[str, typer.Option(help="On whose behalf it works.")] = "local",
    expires_days: Annotated[float | None, typer.Option(min=0, help="Days until it ends; without it, never.")] = None,
    config: Config = None,
) -> None:
    """Make a key and print its text, which nobody can read again."""

    async def work() -> str:
        async with records(config) as database:
            await upgrade_if_new(database)
            now_unix_s = time.time()
            expires_unix_s = None if expires_days is None else now_unix_s + expires_days * _DAY_S
            key, text = new_key(tenant, name, frozenset(scope), now_unix_s, expires_unix_s)
            await StoredKeys(database).add(key)
            return text

    _print_text(run(work))


@keys.command("list")
def list_keys(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None, config: Config = None
) -> None:
    """List the keys, without the text that opens."""

    async def work() -> list[ApiKey]:
        async with _stored(config) as store:
            return await store.list_keys(tenant)

    out.print(_table(run(work)))


@keys.command()
def revoke(key_id: KeyId, config: Config = None) -> None:
    """Revoke a key; within seconds it opens nothing, on any replica."""

    async def work() -> None:
        async with _stored(config) as store:
            await store.revoke((await _found(store, key_id)).id, time.time())

    run(work)
    err.print(f"{key_id} is revoked.")


@keys.command("rotate")
def rotate_key(
    key_id: KeyId,
    overlap_hours: Annotated[float, typer.Option(min=0, help="Hours for which the old key works on.")] = 24.0,
    config: Config = None,
) -> None:
    """Make a key's successor and print its text; the old one works on for a while."""

    async def work() -> str:
        async with _stored(config) as store:
            _, text = await rotate(store, await _found(store, key_id), overlap_hours * 3600, time.time())
            return text

    _print_text(run(work))


@asynccontextmanager
async def _stored(config: Path | None) -> AsyncIterator[StoredKeys]:
    async with records(config) as database:
        await require_current(database)
        yield StoredKeys(database)


async def _found(store: StoredKeys, key_id: str) -> ApiKey:
    key = await store.find(key_id)
    if key is None:
        raise NotFound(f"there is no key {key_id}")
    return key


def _print_text(text: str) -> None:
    out.print(text, markup=False)
    err.print("Keep it now: it is not shown again.")


def _table(found: list[ApiKey]) -> Table:
    table = Table("id", "tenant", "name", "scopes", "created", "ends", "last used", "state")
    now_unix_s = time.time()
    for key in found:
        state = "revoked" if key.revoked_unix_s else "valid" if key.is_valid_at(now_unix_s) else "expired"
        times = (_day(key.created_unix_s), _day(key.expires_unix_s), _day(key.last_used_unix_s))
        table.add_row(key.id, key.tenant, key.name, " ".join(sorted(key.scopes)), *times, state)
    return table


def _day(unix_s: float | None) -> str:
    return "" if unix_s is None else datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M")
