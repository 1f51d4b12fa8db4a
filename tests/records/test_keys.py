"""API keys in the database."""

import asyncio

import pytest

from serve_app.access.keys import new_key
from serve_app.domain.access import ApiKey
from serve_app.domain.call import Scope
from serve_app.domain.errors import Unavailable
from serve_app.records.database import Database
from serve_app.records.keys import StoredKeys


def key(tenant: str = "hospital", now_unix_s: float = 1_000.0) -> ApiKey:
    return new_key(tenant, "reading room", frozenset({Scope.REPORTS_WRITE, Scope.ADMIN}), now_unix_s)[0]


async def test_a_key_is_read_as_it_was_kept(database: Database) -> None:
    store, kept = StoredKeys(database), key()
    await store.add(kept)

    assert await store.find(kept.id) == kept
    assert await store.find("absent") is None


async def test_keys_are_listed_by_tenant_oldest_first(database: Database) -> None:
    store = StoredKeys(database)
    late, early, other = key(now_unix_s=2_000), key(now_unix_s=1_000), key("clinic", 1_500)
    for one in (late, early, other):
        await store.add(one)

    assert await store.list_keys("hospital") == [early, late]
    assert await store.list_keys() == [early, other, late]


async def test_a_key_is_revoked_once(database: Database) -> None:
    store, kept = StoredKeys(database), key()
    await store.add(kept)
    await store.revoke(kept.id, 2_000)
    await store.revoke(kept.id, 3_000)

    found = await store.find(kept.id)
    assert found is not None and found.revoked_unix_s == 2_000


async def test_the_sooner_end_counts(database: Database) -> None:
    store, kept = StoredKeys(database), key()
    await store.add(kept)
    for unix_s in (5_000, 4_000, 6_000):
        await store.expire(kept.id, unix_s)

    found = await store.find(kept.id)
    assert found is not None and found.expires_unix_s == 4_000


async def test_the_last_use_never_goes_back(database: Database) -> None:
    store, kept = StoredKeys(database), key()
    await store.add(kept)
    await store.note_use(kept.id, 3_000)
    await store.note_use(kept.id, 2_000)

    found = await store.find(kept.id)
    assert found is not None and found.last_used_unix_s == 3_000


async def test_many_write_side_by_side(database: Database) -> None:
    store = StoredKeys(database)
    await asyncio.gather(*(store.add(key()) for _ in range(20)))

    assert len(await store.list_keys()) == 20


@pytest.mark.parametrize(
    "address",
    ["sqlite:////dev/null/records.db", "postgresql://clara:hidden@127.0.0.1:9/records"],
    ids=["sqlite", "postgresql"],
)
async def test_a_database_that_does_not_answer_is_ours_to_mend_and_its_password_stays_hidden(address: str) -> None:
    with pytest.raises(Unavailable) as caught:
        await StoredKeys(Database(address, timeout_s=2)).find("id")

    assert "hidden" not in str(caught.value)
