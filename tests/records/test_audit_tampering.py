"""Whoever can write to the database, but has not the key, is found: each tampering by its name."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serve_app.domain.audit import AuditEntry, Head
from serve_app.records.audit_keys import Signer
from serve_app.records.database import Database
from tests.records.chains import NUM_ENTRIES, TENANT, Chains, chains, event, rechained

Tampering = Callable[[Chains], Awaitable[None]]
_TABLES = ("entries", "chains", "checkpoints")
_HERE = f"WHERE tenant = '{TENANT}' AND sequence"


def statements(*texts: str) -> Tampering:
    async def tamper(log: Chains) -> None:
        for text in texts:
            await log.sql(text)

    return tamper


def edited(column: str, value: str) -> Tampering:
    return statements(f"UPDATE audit_entries SET {column} = {value} {_HERE} = 3")


def forged(place: int) -> Tampering:
    async def tamper(log: Chains) -> None:
        await log.forge(place, lambda entry: replace(entry, subject="key:2"))

    return tamper


async def swap(log: Chains, *, are_rehashed: bool) -> None:
    entries = await log.entries()
    third, fourth = replace(entries[3], sequence=3), replace(entries[2], sequence=4)
    pair = [replace(entry, hash=entry.computed_hash()) if are_rehashed else entry for entry in (third, fourth)]
    await log.write([*entries[:2], *pair, *entries[4:]])


async def reorder(log: Chains) -> None:
    await swap(log, are_rehashed=False)


async def reorder_and_rehash(log: Chains) -> None:
    await swap(log, are_rehashed=True)


async def swap_personal_data(log: Chains) -> None:
    entries = await log.entries()
    third = replace(entries[2], personal=entries[3].personal, salt=entries[3].salt)
    fourth = replace(entries[3], personal=entries[2].personal, salt=entries[2].salt)
    await log.write([*entries[:2], third, fourth, *entries[4:]])


async def append(log: Chains, entry: Callable[[AuditEntry], AuditEntry]) -> None:
    entries = await log.entries()
    added = entry(entries[-1])
    await log.write([*entries, added])
    await log.set_head(added)


async def duplicate(log: Chains) -> None:
    await append(log, lambda last: replace(last, sequence=NUM_ENTRIES + 1))


async def move_to_another_tenant(log: Chains) -> None:
    await log.sql(
        f"UPDATE audit_entries SET tenant = '{TENANT}', sequence = 13 WHERE tenant = 'clinic' AND sequence = 3"
    )
    await log.set_head((await log.entries())[-1])


async def cut(log: Chains, last: int, *, with_checkpoints: bool) -> None:
    await log.sql(f"DELETE FROM audit_entries {_HERE} > {last}")
    if with_checkpoints:
        await log.sql(f"DELETE FROM audit_checkpoints {_HERE} > {last}")
    await log.set_head((await log.entries())[-1])


async def cut_behind_a_checkpoint(log: Chains) -> None:
    await cut(log, 8, with_checkpoints=False)


async def cut_to_a_checkpoint(log: Chains) -> None:
    await cut(log, 5, with_checkpoints=True)


async def cut_the_unsigned_tail(log: Chains) -> None:
    await cut(log, 10, with_checkpoints=True)


async def forge_and_remove_checkpoints(log: Chains) -> None:
    await forged(3)(log)
    await log.sql(f"DELETE FROM audit_checkpoints {_HERE} > 0")


async def forge_and_sign_with_another_key(log: Chains) -> None:
    await forged(3)(log)
    await sign_anew(log, Signer(Ed25519PrivateKey.generate()), None)


async def forge_and_sign_in_our_name(log: Chains) -> None:
    await forged(3)(log)
    await sign_anew(log, Signer(Ed25519PrivateKey.generate()), log.signer.key_id)


async def sign_anew(log: Chains, signer: Signer, key_id: str | None) -> None:
    for entry in await log.entries():
        if entry.sequence in (5, 10):
            checkpoint = signer.sign(Head(TENANT, entry.sequence, entry.hash, 0, 0))
            await log.add_checkpoint(replace(checkpoint, key_id=key_id or checkpoint.key_id))


async def take_another_tenants_checkpoint(log: Chains) -> None:
    await log.add_checkpoint(replace(log.signer.sign(Head("clinic", 10, "0" * 64, 0, 0)), tenant=TENANT))


async def erase_from_an_entry_on_and_rehash(log: Chains) -> None:
    entries = await log.entries()
    await log.write(rechained([*entries[:2], *(replace(one, sequence=one.sequence - 1) for one in entries[3:])], 2))
    await log.set_head((await log.entries())[-1])


async def append_unchained(log: Chains) -> None:
    entries = await log.entries()
    await log.write([*entries, *rechained([entries[-1], replace(entries[-1], sequence=13)], 1)[1:]])


CASES: dict[str, tuple[Tampering, str]] = {
    "another action": (edited("action", "'report.refused'"), "altered"),
    "another subject": (edited("subject", "'key:2'"), "altered"),
    "another object": (edited("object", "'rpt_9'"), "altered"),
    "another time": (edited("time_unix_ms", "time_unix_ms + 1"), "altered"),
    "other details": (edited("details", """'{"model":"other"}'"""), "altered"),
    "details that are not JSON": (edited("details", "'{'"), "altered"),
    "details that nothing can hash": (edited("details", """'{"model": NaN}'"""), "altered"),
    "another hash": (edited("hash", f"'{'1' * 64}'"), "altered"),
    "other personal data": (edited("personal", """'{"age":"001Y"}'"""), "personal-altered"),
    "another salt": (edited("salt", f"'{'1' * 64}'"), "personal-altered"),
    "personal data of another entry": (swap_personal_data, "personal-altered"),
    "half of the erasable part gone": (edited("salt", "NULL"), "personal-altered"),
    "personal data erased, no entry": (edited("personal", "NULL, salt = NULL"), "erased-without-entry"),
    "commitment gone with the data": (edited("personal", "NULL, salt = NULL, commitment = NULL"), "altered"),
    "an entry deleted in the middle": (statements(f"DELETE FROM audit_entries {_HERE} = 6"), "gap"),
    "an entry deleted, hashes after it written anew": (erase_from_an_entry_on_and_rehash, "rewritten"),
    "a gap in the sequence": (statements(f"UPDATE audit_entries SET sequence = sequence + 20 {_HERE} > 10"), "gap"),
    "two entries in each other's place": (reorder, "altered"),
    "the same, hashes written anew": (reorder_and_rehash, "broken-link"),
    "an entry twice": (duplicate, "altered"),
    "an entry of another tenant": (move_to_another_tenant, "altered"),
    "an entry after the head": (append_unchained, "head-differs"),
    "the tail deleted": (statements(f"DELETE FROM audit_entries {_HERE} > 10"), "head-differs"),
    "the tail deleted, and the head moved": (cut_behind_a_checkpoint, "truncated"),
    "another head": (statements(f"UPDATE audit_chains SET sequence = 11 WHERE tenant = '{TENANT}'"), "head-differs"),
    "no head": (statements(f"DELETE FROM audit_chains WHERE tenant = '{TENANT}'"), "head-differs"),
    "an entry forged, hashes after it written anew": (forged(3), "rewritten"),
    "the same, checkpoints removed": (forge_and_remove_checkpoints, "uncovered"),
    "the same, signed by another key": (forge_and_sign_with_another_key, "unknown-key"),
    "the same, in the name of ours": (forge_and_sign_in_our_name, "bad-signature"),
    "a signature replaced": (
        statements(f"UPDATE audit_checkpoints SET signature = '{'0' * 128}' {_HERE} = 5"),
        "bad-signature",
    ),
    "a signature that is not one": (
        statements(f"UPDATE audit_checkpoints SET signature = 'zz' {_HERE} = 5"),
        "bad-signature",
    ),
    "a checkpoint of another hash": (
        statements(f"UPDATE audit_checkpoints SET hash = '{'1' * 64}' {_HERE} = 5"),
        "bad-signature",
    ),
    "a checkpoint of another time": (
        statements(f"UPDATE audit_checkpoints SET time_unix_ms = 0 {_HERE} = 5"),
        "bad-signature",
    ),
    "a checkpoint of another tenant": (take_another_tenants_checkpoint, "bad-signature"),
    "the beginning deleted": (statements(f"DELETE FROM audit_entries {_HERE} <= 4"), "unanchored"),
    "pruned to a checkpoint, no entry": (statements(f"DELETE FROM audit_entries {_HERE} <= 5"), "pruned-without-entry"),
}
EXPORTED: dict[str, tuple[Tampering, str]] = {
    "cut back to a checkpoint, later ones removed": (cut_to_a_checkpoint, "truncated"),
    "the unsigned tail cut": (cut_the_unsigned_tail, "truncated"),
    "the unsigned tail forged": (forged(11), "rewritten"),
    "everything forged, checkpoints removed": (forge_and_remove_checkpoints, "rewritten"),
    "a tenant's whole chain removed": (
        statements(
            *(f"DELETE FROM audit_{name} WHERE tenant = '{TENANT}'" for name in ("entries", "chains", "checkpoints"))
        ),
        "truncated",
    ),
}
"""What only a checkpoint that was kept outside the database shows."""


@pytest.fixture
def address(tmp_path: Path) -> str:
    """One kind of database is enough: what is verified is the same."""
    return f"sqlite:///{tmp_path / 'records.db'}"


@pytest.fixture
async def log(database: Database) -> Chains:
    """A filled log."""
    opened = chains(database)
    await opened.fill()
    return opened


async def test_an_untouched_log_has_no_fault(log: Chains) -> None:
    assert await log.faults() == []
    assert await log.faults(await log.exported()) == []


@pytest.mark.parametrize("name", CASES)
async def test_a_tampering_is_found(log: Chains, name: str) -> None:
    tamper, code = CASES[name]
    await tamper(log)

    found = await log.faults()
    assert code in {str(fault.code) for fault in found}
    assert {fault.tenant for fault in found} <= {TENANT, "clinic"}


@pytest.mark.parametrize("name", EXPORTED)
async def test_an_exported_checkpoint_shows_more(log: Chains, name: str) -> None:
    tamper, code = EXPORTED[name]
    kept = await log.exported()
    await tamper(log)

    assert code in {str(fault.code) for fault in await log.faults(kept)}


async def test_a_fault_names_the_entry_and_what_it_means(log: Chains) -> None:
    await edited("subject", "'key:2'")(log)

    assert [str(fault) for fault in await log.faults()] == [
        "hospital 3: altered: the entry does not have the hash that it is kept with"
    ]


async def test_a_log_that_goes_on_after_a_cut_does_not_hide_it(log: Chains) -> None:
    kept = await log.exported()
    await cut_the_unsigned_tail(log)
    for number in range(3):
        await log.log.append(event(number))

    assert {str(fault.code) for fault in await log.faults(kept)} == {"rewritten"}
