"""The database: SQLite on one machine, PostgreSQL in a cluster, behind one set of tables.

Does not know what is kept in them.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from serve_app.domain.errors import Unavailable

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}


class Database:
    """Transactions that last no longer than `timeout_s`. What was acknowledged is on disk."""

    def __init__(self, address: str, timeout_s: float) -> None:
        """Open nothing yet.

        Raises:
            Unavailable: the address is not one of a database that we know.
        """
        self._timeout_s = timeout_s
        self._engine = _engine(_url(address), timeout_s)
        self._reading = self._engine.execution_options(postgresql_readonly=True, sqlite_begin="BEGIN")

    @asynccontextmanager
    async def transaction(self, timeout_s: float | None = None) -> AsyncIterator[AsyncConnection]:
        """Do what is inside wholly or not at all, within the database's own limit unless another is given.

        Raises:
            Unavailable: the database does not answer; its own words stay out, for they may hold values.
        """
        async with self._begun(self._engine, timeout_s) as connection:
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Read one state of the database, beside whoever writes.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._begun(self._reading) as connection:
            yield connection

    @asynccontextmanager
    async def _begun(self, engine: AsyncEngine, timeout_s: float | None = None) -> AsyncIterator[AsyncConnection]:
        try:
            async with asyncio.timeout(timeout_s or self._timeout_s), engine.begin() as connection:
                yield connection
        except (TimeoutError, PoolTimeout, OperationalError, InterfaceError, OSError) as error:
            raise Unavailable("the database does not answer") from error

    async def forget(self) -> None:
        """Remove what was deleted from SQLite's write-ahead log too. PostgreSQL's files are its administrator's.

        Raises:
            Unavailable: somebody reads an older state; what was deleted is still in the log.
        """
        if self._engine.dialect.name != "sqlite":
            return
        async with self._engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            (is_busy, _, _) = await (await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")).fetchone()
        if is_busy:
            raise Unavailable("erased, but still in the database's write-ahead log, which is in use: erase it again")

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _url(address: str) -> URL:
    try:
        return make_url(address)
    except ArgumentError:
        raise Unavailable("the database's address is none") from None  # its text holds the password


def _engine(url: URL, timeout_s: float) -> AsyncEngine:
    drivername = _DRIVERS.get(url.get_backend_name())
    if drivername is None:
        raise Unavailable("records.url must be sqlite:///PATH or postgresql://USER@HOST/NAME")
    if url.get_backend_name() == "sqlite":
        # The driver would begin by itself, too late, and never for what makes tables.
        engine = create_async_engine(
            url.set(drivername=drivername), connect_args={"timeout": timeout_s, "isolation_level": None}
        )
        event.listen(engine.sync_engine, "do_connect", lambda *_: _make_file(url))
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        url.set(drivername=drivername), pool_pre_ping=True, connect_args={"connect_timeout": max(2, round(timeout_s))}
    )


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Let readers and one writer work side by side, write through to the disk, and overwrite what is deleted."""
    cursor: sqlite3.Cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the lock for writing at once: a reader that turns writer would be refused instead of waiting."""
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE"))


def _make_file(url: URL) -> None:
    """Make the file its user's only; SQLite gives its other files the same mode."""
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
