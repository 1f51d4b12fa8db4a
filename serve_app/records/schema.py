"""The version of the database's tables: migrations forward and back, and the refusal of a version we do not know."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from serve_app.records.database import Database

# Any number, as long as it stays the same.
_LOCK = 7_215_204
# A large table takes its time; a request's limit is not for this.
_MIGRATION_S = 3600.0


class SchemaMismatch(Exception):
    """The tables are not those of this release; the message says what to do."""


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the tables to a revision, by default this release's; several at once wait for each other."""
    async with database.transaction(_MIGRATION_S) as connection:
        await connection.run_sync(_wait_for_others)
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), revision))


async def upgrade_if_new(database: Database) -> None:
    """Make the tables where there are none yet.

    Raises:
        SchemaMismatch: there are tables, but not those of this release.
    """
    if await _revision(database) is None:
        await upgrade(database)
    await require_current(database)


async def downgrade(database: Database, revision: str) -> None:
    """Bring the tables back to an earlier revision, or to "base", which is none."""
    async with database.transaction(_MIGRATION_S) as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), revision))


async def require_current(database: Database) -> None:
    """Return if the tables are those of this release.

    Raises:
        SchemaMismatch: they are older, newer, or not there.
    """
    found = await _revision(database)
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    if found != wanted:
        raise SchemaMismatch(
            f"the database's tables have version {found or 'none'}, this release wants {wanted}: run clara db upgrade"
        )


async def _revision(database: Database) -> str | None:
    async with database.snapshot() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


def _wait_for_others(connection: Connection) -> None:
    """Hold a lock until the transaction ends; a transaction of SQLite holds one anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "serve_app.records:migrations")
    return config
