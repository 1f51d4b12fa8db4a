"""Reads the audit log: page by page, and whole to verify it."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from sqlalchemy import func, select

from serve_app.domain.audit import AuditEntry, Checkpoint, Facts, Head
from serve_app.records.audit_keys import TrustedKeys
from serve_app.records.audit_verify import ChainVerifier, Fault
from serve_app.records.database import Database
from serve_app.records.tables import AUDIT_CHAINS, AUDIT_CHECKPOINTS, AUDIT_ENTRIES

_PAGE = 500


class AuditReader:
    """Implements the `AuditReading` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, tenant: str, after: int, limit: int, since_unix_ms: int = 0) -> list[AuditEntry]:
        """Read entries of a tenant in their order; see `ports.AuditReading`."""
        columns = AUDIT_ENTRIES.c
        query = (
            select(AUDIT_ENTRIES)
            .where(columns.tenant == tenant, columns.sequence > after, columns.time_unix_ms >= since_unix_ms)
            .order_by(columns.sequence)
            .limit(limit)
        )
        async with self._database.snapshot() as connection:
            return [_entry(row) for row in (await connection.execute(query)).mappings()]

    async def entries(
        self, tenant: str, since_unix_ms: int = 0, through: int | None = None
    ) -> AsyncIterator[AuditEntry]:
        """Read a tenant's entries in their order, up to that sequence."""
        after = 0
        while page := await self.page(tenant, after, _PAGE, since_unix_ms):
            for entry in page:
                if through is not None and entry.sequence > through:
                    return
                yield entry
            after = page[-1].sequence

    async def tenants(self) -> list[str]:
        """Name every tenant that has entries, a head or checkpoints."""
        queries = [select(table.c.tenant) for table in (AUDIT_CHAINS, AUDIT_ENTRIES, AUDIT_CHECKPOINTS)]
        async with self._database.snapshot() as connection:
            return sorted((await connection.execute(queries[0].union(*queries[1:]))).scalars())

    async def checkpoints(self, tenant: str) -> list[Checkpoint]:
        """Read the checkpoints of a tenant in their order."""
        columns = AUDIT_CHECKPOINTS.c
        query = select(AUDIT_CHECKPOINTS).where(columns.tenant == tenant).order_by(columns.sequence)
        async with self._database.snapshot() as connection:
            return [Checkpoint(**row) for row in (await connection.execute(query)).mappings()]

    async def verify(
        self, tenant: str, keys: TrustedKeys, kept: Iterable[Checkpoint] = (), max_uncovered: int | None = None
    ) -> list[Fault]:
        """Verify a tenant's chain, while others append to it; `kept` are checkpoints from outside the database."""
        # The head must reach each checkpoint that is read before it; of those that are read after it, its own count.
        before = await self.checkpoints(tenant)
        head, through = await self._end(tenant)
        after = [checkpoint for checkpoint in await self.checkpoints(tenant) if checkpoint.sequence <= through]
        kept_here = [checkpoint for checkpoint in kept if checkpoint.tenant == tenant]
        checkpoints = dict.fromkeys([*before, *after, *kept_here])
        verifier = ChainVerifier(tenant, checkpoints, keys, max_uncovered)
        async for entry in self.entries(tenant, through=through):
            verifier.add(entry)
        return verifier.finish(head)

    async def _end(self, tenant: str) -> tuple[Head, int]:
        """Read the head, and the last entry; the entry first, for both move together."""
        last = select(func.max(AUDIT_ENTRIES.c.sequence)).where(AUDIT_ENTRIES.c.tenant == tenant)
        head = select(AUDIT_CHAINS).where(AUDIT_CHAINS.c.tenant == tenant)
        async with self._database.snapshot() as connection:
            sequence = (await connection.execute(last)).scalar_one() or 0
            row = (await connection.execute(head)).mappings().one_or_none()
        found = Head(tenant, 0, "", 0, 0) if row is None else Head(**row)
        return found, max(sequence, found.sequence)


def _entry(row: Mapping[Any, Any]) -> AuditEntry:
    personal = None if row["personal"] is None else _facts(row["personal"])
    return AuditEntry(**{**row, "details": _facts(row["details"]), "personal": personal})


def _facts(written: str) -> Facts:
    """Read what the log wrote; what is not that has no hash that fits."""
    try:
        facts = json.loads(written, parse_float=str)
    except ValueError:
        facts = None
    return facts if isinstance(facts, dict) else {"unreadable": written}
