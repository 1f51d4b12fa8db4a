"""The audit log in the database: entries are chained, signed at checkpoints, erased and pruned; none is ever changed.

A tenant's chain has a head that a writer locks, so several gateways append one after another. What waits in one process
is written in one transaction.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from serve_app.domain.audit import GENESIS, Action, AuditEntry, AuditEvent, Head, canonical, chained
from serve_app.domain.errors import AuditUnavailable, ClaraError
from serve_app.records.audit_keys import Clock, Signer
from serve_app.records.database import Database
from serve_app.records.tables import AUDIT_CHAINS, AUDIT_CHECKPOINTS, AUDIT_ENTRIES
from serve_app.settings import AuditSettings
from serve_app.telemetry.logs import Event, Log

log = Log(__name__)

# Makes the head if there is none, and locks it in any case.
_LOCK_HEAD = text(
    "INSERT INTO audit_chains (tenant, sequence, hash, signed_sequence, signed_unix_ms)"
    " VALUES (:tenant, 0, :genesis, 0, :now) ON CONFLICT (tenant) DO UPDATE SET tenant = excluded.tenant"
    " RETURNING tenant, sequence, hash, signed_sequence, signed_unix_ms"
)


class StoredAudit:
    """Implements the `AuditLog` port."""

    def __init__(self, database: Database, signer: Signer, settings: AuditSettings, clock: Clock = time.time) -> None:
        self._database = database
        self._signer = signer
        self._settings = settings
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self._signing: asyncio.Task[None] | None = None

    async def append(self, event: AuditEvent) -> None:
        """Write an entry; see `ports.AuditLog`. It is written even if the caller is cancelled meanwhile.

        From the first entry on, checkpoints are signed in the background.
        """
        canonical([event.tenant, event.subject, event.object, event.request_id, event.details, event.personal])
        waiting = _Waiting(event, asyncio.get_running_loop().create_future())
        waiting.written.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._waiting.append(waiting)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_waiting())
        if self._signing is None or self._signing.done():
            self._signing = asyncio.create_task(self._sign_periodically())
        await asyncio.shield(waiting.written)

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await self._settle(batch)

    async def _settle(self, batch: "Sequence[_Waiting]") -> None:
        """Write a batch, or answer why not; what the database rejects does not take others with it."""
        try:
            await self._write([waiting.event for waiting in batch])
        except (ClaraError, SQLAlchemyError) as error:
            if isinstance(error, SQLAlchemyError) and len(batch) > 1:
                for waiting in batch:
                    await self._settle([waiting])
                return
            log.error(Event.AUDIT_UNWRITTEN, num_entries=len(batch), error=error)
            self._answer(batch, AuditUnavailable("the audit log cannot be written now"))
        else:
            self._answer(batch, None)

    def _answer(self, batch: "Sequence[_Waiting]", error: AuditUnavailable | None) -> None:
        for waiting in batch:
            if error is None or self._settings.mode == "lenient":
                waiting.written.set_result(None)
            else:
                waiting.written.set_exception(error)

    async def _write(self, events: Sequence[AuditEvent]) -> None:
        async with self._database.transaction() as connection:
            # Every writer locks heads in this order, so that none waits for another in a circle.
            for tenant in sorted({event.tenant for event in events}):
                await self._extend(connection, tenant, [event for event in events if event.tenant == tenant])

    async def _extend(self, connection: AsyncConnection, tenant: str, events: Sequence[AuditEvent]) -> None:
        head, now_unix_ms = await self._locked_head(connection, tenant), self._now_unix_ms()
        rows = []
        for event in events:
            entry = chained(event, head.sequence + 1, head.hash, now_unix_ms)
            rows.append(_row(entry))
            head = replace(head, sequence=entry.sequence, hash=entry.hash)
        await connection.execute(insert(AUDIT_ENTRIES), rows)
        if self._is_due(head, now_unix_ms):
            head = await self._signed(connection, head)
        await _keep_head(connection, head)

    async def _locked_head(self, connection: AsyncConnection, tenant: str) -> Head:
        values = {"tenant": tenant, "genesis": GENESIS, "now": self._now_unix_ms()}
        return Head(**(await connection.execute(_LOCK_HEAD, values)).mappings().one())

    def _is_due(self, head: Head, now_unix_ms: int) -> bool:
        is_old = now_unix_ms - head.signed_unix_ms >= self._settings.checkpoint_period_s * 1000
        return is_old or head.sequence - head.signed_sequence >= self._settings.checkpoint_entries

    async def _signed(self, connection: AsyncConnection, head: Head) -> Head:
        checkpoint = self._signer.sign(head)
        await connection.execute(insert(AUDIT_CHECKPOINTS).values(asdict(checkpoint)))
        return replace(head, signed_sequence=head.sequence, signed_unix_ms=checkpoint.time_unix_ms)

    def _now_unix_ms(self) -> int:
        return round(self._clock() * 1000)

    async def sign_heads(self, min_age_s: float = 0) -> None:
        """Cover the end of every chain whose last checkpoint is as old as that."""
        before_unix_ms = self._now_unix_ms() - round(min_age_s * 1000)
        chains = AUDIT_CHAINS.c
        is_open = (chains.sequence > chains.signed_sequence) & (chains.signed_unix_ms <= before_unix_ms)
        async with self._database.snapshot() as connection:
            tenants = (await connection.execute(select(chains.tenant).where(is_open))).scalars().all()
        for tenant in tenants:
            async with self._database.transaction() as connection:
                head = await self._locked_head(connection, tenant)
                if head.sequence > head.signed_sequence and head.signed_unix_ms <= before_unix_ms:
                    await _keep_head(connection, await self._signed(connection, head))

    async def _sign_periodically(self) -> None:
        """Let no entry wait longer for its checkpoint than the period."""
        while True:
            await asyncio.sleep(self._settings.checkpoint_period_s / 2)
            try:
                await self.sign_heads(self._settings.checkpoint_period_s / 2)
            except (ClaraError, SQLAlchemyError) as error:
                log.error(Event.CHECKPOINTS_UNSIGNED, error=error)

    async def erase(self, tenant: str, obj: str | None, subject: str, request_id: str = "") -> int:
        """Erase the personal data of the entries about an object, or about every one, and write that down for each.

        Returns:
            How many entries had personal data.
        """
        entries = AUDIT_ENTRIES.c
        about = (entries.tenant == tenant) & entries.personal.is_not(None)
        if obj is not None:
            about &= entries.object == obj
        async with self._database.transaction() as connection:
            await self._locked_head(connection, tenant)
            query = select(entries.object, func.count()).where(about).group_by(entries.object)
            erased = [(str(name), int(number)) for name, number in await connection.execute(query)]
            await connection.execute(update(AUDIT_ENTRIES).where(about).values(personal=None, salt=None))
            if erased:
                events = [
                    AuditEvent(tenant, subject, Action.LOG_ERASED, name, request_id, {"entries": number})
                    for name, number in erased
                ]
                await self._extend(connection, tenant, events)
        await self._database.forget()
        return sum(number for _, number in erased)

    async def prune(self, tenant: str, before_unix_ms: int, subject: str) -> int:
        """Remove entries older than a time, up to a checkpoint, which stays to vouch for them.

        Returns:
            How many entries were removed.
        """
        entries, signed = AUDIT_ENTRIES.c, AUDIT_CHECKPOINTS.c
        async with self._database.transaction() as connection:
            await self._locked_head(connection, tenant)
            through = (
                await connection.execute(
                    select(func.max(signed.sequence))
                    .join(AUDIT_ENTRIES, (entries.tenant == signed.tenant) & (entries.sequence == signed.sequence))
                    .where(signed.tenant == tenant, entries.time_unix_ms < before_unix_ms)
                )
            ).scalar_one()
            if through is None:
                return 0
            event = AuditEvent(tenant, subject, Action.LOG_PRUNED, tenant, "", {"through": through})
            await self._extend(connection, tenant, [event])
            old = (signed.tenant == tenant) & (signed.sequence < through)
            await connection.execute(delete(AUDIT_CHECKPOINTS).where(old))
            gone = (entries.tenant == tenant) & (entries.sequence <= through)
            return int((await connection.execute(delete(AUDIT_ENTRIES).where(gone))).rowcount)


@dataclass(frozen=True, slots=True)
class _Waiting:
    event: AuditEvent
    written: asyncio.Future[None]


async def _keep_head(connection: AsyncConnection, head: Head) -> None:
    await connection.execute(update(AUDIT_CHAINS).where(AUDIT_CHAINS.c.tenant == head.tenant).values(asdict(head)))


def _row(entry: AuditEntry) -> dict[str, Any]:
    row = {column.name: getattr(entry, column.name) for column in AUDIT_ENTRIES.columns}
    row["details"] = canonical(entry.details).decode()
    row["personal"] = None if entry.personal is None else canonical(entry.personal).decode()
    return row
