"""The version of the tables, on real databases."""

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from serve_app.domain.errors import Unavailable
from serve_app.records.database import Database
from serve_app.records.schema import SchemaMismatch, downgrade, require_current, upgrade, upgrade_if_new
from serve_app.records.tables import TABLES


async def test_the_migrations_make_the_tables_that_the_code_reads(database: Database) -> None:
    async with database.transaction() as connection:
        differences = await connection.run_sync(lambda sync: compare_metadata(MigrationContext.configure(sync), TABLES))

    assert differences == []


async def test_an_empty_database_is_refused_until_it_is_upgraded(address: str) -> None:
    database = Database(address, timeout_s=30)
    with pytest.raises(SchemaMismatch, match="clara db upgrade"):
        await require_current(database)

    await upgrade_if_new(database)
    await require_current(database)
    await database.close()


async def test_a_newer_database_is_refused_and_left_alone(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaMismatch, match="9999"):
        await upgrade_if_new(database)


async def test_migrations_go_back_and_forward(database: Database) -> None:
    await downgrade(database, "base")
    with pytest.raises(SchemaMismatch):
        await require_current(database)

    await upgrade(database)
    await require_current(database)


async def test_several_that_upgrade_at_once_wait_for_each_other(address: str) -> None:
    databases = [Database(address, timeout_s=60) for _ in range(4)]
    await asyncio.gather(*(upgrade(database) for database in databases))

    for database in databases:
        await require_current(database)
        await database.close()


async def test_a_file_is_its_users_only(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "records.db"
    database = Database(f"sqlite:///{path}", timeout_s=30)
    await upgrade(database)

    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    await database.close()


async def test_a_migration_may_take_longer_than_a_request(address: str) -> None:
    impatient = Database(address, timeout_s=0.05)
    with pytest.raises(Unavailable):
        async with impatient.transaction():
            await asyncio.sleep(0.1)
    async with impatient.transaction(30):
        await asyncio.sleep(0.1)
    await impatient.close()
