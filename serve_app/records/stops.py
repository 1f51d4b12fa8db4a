"""Stops of drafting: kept in the database, read anew every second by each process that drafts.

If the database cannot be read, the last state that was read holds: a database that is down neither lifts a stop nor
stops a hospital. Until it was read once, nothing is drafted.
"""

import asyncio
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from serve_app.domain.errors import ClaraError, DraftingStopped
from serve_app.domain.service import Readiness
from serve_app.domain.stop import Stop, StopKind
from serve_app.ports import StopStore
from serve_app.records.database import Database
from serve_app.records.tables import STOPS
from serve_app.telemetry.logs import Event, Log

log = Log(__name__)

POLL_S = 1.0


class StoredStops:
    """Implements the `StopStore` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_stops(self) -> list[Stop]:
        """Read every stop in effect; see `ports.StopStore`."""
        columns = STOPS.c
        query = select(columns.kind, columns.name, columns.reason, columns.set_unix_s).order_by(columns.set_unix_s)
        async with self._database.snapshot() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Stop(**{**row, "kind": StopKind(row["kind"])}) for row in rows]

    async def put(self, stop: Stop) -> None:
        """Keep a stop; see `ports.StopStore`."""
        row: dict[str, Any] = {**asdict(stop), "kind": stop.kind.value, "id": stop.id}
        async with self._database.transaction() as connection:
            await connection.execute(delete(STOPS).where(STOPS.c.id == stop.id))
            await connection.execute(insert(STOPS).values(row))

    async def lift(self, stop_id: str) -> None:
        """Remove a stop; see `ports.StopStore`."""
        async with self._database.transaction() as connection:
            await connection.execute(delete(STOPS).where(STOPS.c.id == stop_id))


class PolledStops:
    """Implements the `StopSwitch` port by reading the store again and again, from the first question on."""

    def __init__(self, store: StopStore, poll_s: float = POLL_S) -> None:
        self._store = store
        self._poll_s = poll_s
        self._stops: list[Stop] = []
        self._is_read = False
        self._is_current = True
        self._changed = asyncio.Condition()
        self._polling: asyncio.Task[None] | None = None

    async def require_drafting(self, tenant: str, models: frozenset[str] = frozenset()) -> None:
        """Return if drafts may be made; see `ports.StopSwitch`."""
        await self._start()
        if (stop := self._stop_for(tenant, models)) is not None:
            raise _error(stop)

    async def stopped(self, tenant: str, models: frozenset[str] = frozenset()) -> DraftingStopped:
        """Wait for a stop; see `ports.StopSwitch`."""
        await self._start()
        async with self._changed:
            await self._changed.wait_for(lambda: self._stop_for(tenant, models) is not None)
            stop = self._stop_for(tenant, models)
        assert stop is not None
        return _error(stop)

    async def readiness(self, otherwise: Readiness) -> Readiness:
        """Say what is stopped; see `ports.StopSwitch`."""
        await self._start()
        if any(stop.kind is StopKind.ALL for stop in self._stops):
            return Readiness(False, "stopped")
        if not otherwise.is_ready:
            return otherwise
        if not self._is_current:
            return Readiness(True, "stops-unread")
        return Readiness(True, "partly-stopped") if self._stops else otherwise

    def _stop_for(self, tenant: str, models: frozenset[str]) -> Stop | None:
        return next((stop for stop in self._stops if stop.concerns(tenant, models)), None)

    async def _start(self) -> None:
        """Read the store once, and from then on in the background.

        Raises:
            Unavailable: it was never read, and cannot be.
        """
        if not self._is_read:
            self._stops = await self._store.list_stops()
            self._is_read = True
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                stops = await self._store.list_stops()
            except (ClaraError, SQLAlchemyError) as error:
                if self._is_current:
                    log.error(Event.STOPS_UNREAD, error=error)
                self._is_current = False
                continue
            self._is_current = True
            async with self._changed:
                self._stops = stops
                self._changed.notify_all()


def _error(stop: Stop) -> DraftingStopped:
    return DraftingStopped(f"an operator stopped drafting ({stop.kind}): {stop.reason}", stop.kind.value, stop.reason)
