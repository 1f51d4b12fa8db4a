"""An audit log with two tenants, and the means of whoever can write to its database but has not the key."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, insert, text, update

from serve_app.domain.audit import Action, AuditEntry, AuditEvent, Checkpoint, Head, canonical
from serve_app.records.audit import StoredAudit
from serve_app.records.audit_keys import Signer
from serve_app.records.audit_read import AuditReader
from serve_app.records.audit_verify import Fault
from serve_app.records.database import Database
from serve_app.records.tables import AUDIT_CHAINS, AUDIT_CHECKPOINTS, AUDIT_ENTRIES
from serve_app.settings import AuditSettings

TENANT = "hospital"
NUM_ENTRIES = 12
SETTINGS = AuditSettings(mode="required", checkpoint_entries=5, checkpoint_period_s=10_000)


def event(number: int, tenant: str = TENANT) -> AuditEvent:
    """Make a report's event, as the platform does."""
    personal = {"sex": "male", "age": f"{number:03}Y", "images": [{"digest": f"{number:064x}", "view": "PA"}]}
    return AuditEvent(
        tenant, "key:1", Action.REPORT_DRAFTED, f"rpt_{number}", f"request-{number}", {"model": "demo"}, personal
    )


@dataclass
class Chains:
    """A log and what an attacker does to it."""

    database: Database
    signer: Signer
    log: StoredAudit
    reader: AuditReader

    async def fill(self) -> None:
        """Append twelve entries of one tenant, checkpoints at 5 and 10, and three of another."""
        for number in range(1, NUM_ENTRIES + 1):
            await self.log.append(event(number))
        for number in range(1, 4):
            await self.log.append(event(number, "clinic"))

    async def faults(self, kept: list[Checkpoint] | None = None) -> list[Fault]:
        """Verify every tenant that the database or the kept checkpoints name."""
        tenants = {*await self.reader.tenants(), *(one.tenant for one in kept or [])}
        limit = SETTINGS.checkpoint_entries
        found = [await self.reader.verify(one, self.signer.trusted, kept or (), limit) for one in sorted(tenants)]
        return [fault for faults in found for fault in faults]

    async def exported(self) -> list[Checkpoint]:
        """Sign every head for a file outside; nothing of it stays in the database."""
        heads = [await self.reader._end(tenant) for tenant in await self.reader.tenants()]
        return [self.signer.sign(head) for head, _ in heads]

    async def sql(self, statement: str, **values: Any) -> None:
        """Execute a statement."""
        async with self.database.transaction() as connection:
            await connection.execute(text(statement), values)

    async def entries(self) -> list[AuditEntry]:
        """Read the first tenant's entries."""
        return [entry async for entry in self.reader.entries(TENANT)]

    async def write(self, entries: list[AuditEntry]) -> None:
        """Put entries in the place of the first tenant's."""
        rows = [
            asdict(entry)
            | {"details": canonical(entry.details).decode()}
            | {"personal": entry.personal and canonical(entry.personal).decode()}
            for entry in entries
        ]
        async with self.database.transaction() as connection:
            await connection.execute(delete(AUDIT_ENTRIES).where(AUDIT_ENTRIES.c.tenant == TENANT))
            await connection.execute(insert(AUDIT_ENTRIES), rows)

    async def forge(self, place: int, change: Callable[[AuditEntry], AuditEntry]) -> None:
        """Change an entry, and write every hash after it anew, the head's too."""
        entries = await self.entries()
        entries[place - 1] = change(entries[place - 1])
        await self.write(rechained(entries, place - 1))
        await self.set_head((await self.entries())[-1])

    async def set_head(self, last: AuditEntry, signed_sequence: int = 5) -> None:
        """Let the chain end with an entry."""
        head = Head(TENANT, last.sequence, last.hash, signed_sequence, 0)
        async with self.database.transaction() as connection:
            await connection.execute(update(AUDIT_CHAINS).where(AUDIT_CHAINS.c.tenant == TENANT).values(asdict(head)))

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Insert a checkpoint, or put it in the place of another."""
        columns = AUDIT_CHECKPOINTS.c
        same = (columns.tenant == checkpoint.tenant) & (columns.sequence == checkpoint.sequence)
        async with self.database.transaction() as connection:
            await connection.execute(delete(AUDIT_CHECKPOINTS).where(same))
            await connection.execute(insert(AUDIT_CHECKPOINTS).values(asdict(checkpoint)))


def chains(database: Database, clock: Callable[[], float] = lambda: 1_767_225_600.0) -> Chains:
    """Open an empty log."""
    signer = Signer(Ed25519PrivateKey.generate(), clock)
    return Chains(database, signer, StoredAudit(database, signer, SETTINGS, clock), AuditReader(database))


def rechained(entries: list[AuditEntry], start: int) -> list[AuditEntry]:
    """Write every hash from a place on anew."""
    done = entries[:start]
    for entry in entries[start:]:
        linked = replace(entry, previous=done[-1].hash if done else entry.previous)
        done.append(replace(linked, hash=linked.computed_hash()))
    return done
