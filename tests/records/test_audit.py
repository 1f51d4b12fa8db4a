"""The audit log on real databases: nothing is lost, nothing is changed, what may go goes."""

import asyncio
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.domain.audit import Action, AuditEvent
from serve_app.domain.errors import AuditUnavailable, Unavailable
from serve_app.records.audit import StoredAudit
from serve_app.records.audit_keys import Signer, load_public_key, load_signer
from serve_app.records.audit_read import AuditReader
from serve_app.records.database import Database
from serve_app.records.schema import downgrade, upgrade
from serve_app.settings import AuditSettings
from tests.keys import Clock
from tests.records.chains import TENANT, Chains, chains, event

DAY_S = 86_400


@pytest.fixture
def clock() -> Clock:
    """Time that stands still until a test moves it."""
    return Clock()


@pytest.fixture
def log(database: Database, clock: Clock) -> Chains:
    """An empty log."""
    return chains(database, clock)


async def test_entries_are_read_as_they_were_written(log: Chains, clock: Clock) -> None:
    await log.log.append(event(1))
    [entry] = await log.entries()

    assert (entry.tenant, entry.sequence, entry.time_unix_ms) == (TENANT, 1, clock.unix_s * 1000)
    assert (entry.subject, entry.action, entry.object) == ("key:1", "report.drafted", "rpt_1")
    assert entry.personal == event(1).personal
    assert entry.details == event(1).details


async def test_several_gateways_append_at_once_and_no_entry_is_lost(address: str) -> None:
    databases = [Database(address, timeout_s=60) for _ in range(3)]
    await upgrade(databases[0])
    logs = [chains(database) for database in databases]
    await asyncio.gather(
        *(logs[n % 3].log.append(event(n, ("hospital", "clinic")[n % 2])) for n in range(90)),
    )
    read = {
        tenant: [entry.object async for entry in logs[0].reader.entries(tenant)] for tenant in ("hospital", "clinic")
    }
    checked = [
        await logs[0].reader.verify(tenant, logs[0].signer.trusted | logs[1].signer.trusted | logs[2].signer.trusted)
        for tenant in read
    ]
    for database in databases:
        await database.close()

    assert {tenant: len(set(objects)) for tenant, objects in read.items()} == {"hospital": 45, "clinic": 45}
    assert checked == [[], []]


async def test_verifying_while_others_append_finds_no_fault(log: Chains) -> None:
    appending = asyncio.gather(*(log.log.append(event(n)) for n in range(200)))
    found = [await log.faults() for _ in range(5)]
    await appending

    assert found == [[]] * 5
    assert await log.faults() == []


async def test_an_entry_is_written_though_its_caller_is_cancelled(log: Chains) -> None:
    appending = asyncio.create_task(log.log.append(event(1)))
    await asyncio.sleep(0)
    appending.cancel()
    await log.log.append(event(2))

    assert [entry.object for entry in await log.entries()] == ["rpt_1", "rpt_2"]


async def test_what_cannot_be_written_is_an_error_unless_the_log_is_lenient(log: Chains) -> None:
    await downgrade(log.database, "base")
    lenient = StoredAudit(log.database, log.signer, AuditSettings(mode="lenient"))

    with pytest.raises(AuditUnavailable):
        await log.log.append(event(1))
    await lenient.append(event(1))


async def test_what_the_database_rejects_does_not_take_others_with_it(log: Chains) -> None:
    """PostgreSQL keeps no NUL in text; SQLite does."""
    odd = replace(event(2), subject="issuer:\0")
    ends = await asyncio.gather(*(log.log.append(one) for one in (event(1), odd, event(3))), return_exceptions=True)
    objects = [entry.object for entry in await log.entries()]

    assert (ends[0], ends[2]) == (None, None)
    assert isinstance(ends[1], AuditUnavailable) is ("rpt_2" not in objects)
    assert {"rpt_1", "rpt_3"} <= set(objects)
    assert await log.faults() == []


async def test_a_fraction_is_refused_before_it_is_written(log: Chains) -> None:
    with pytest.raises(TypeError):
        await log.log.append(AuditEvent(TENANT, "key:1", Action.KEY_MADE, "k", "", {"score": 0.5}))

    assert await log.entries() == []


async def test_a_checkpoint_covers_an_entry_by_number_or_by_age(log: Chains, clock: Clock) -> None:
    for number in range(7):
        await log.log.append(event(number))
    by_number = [checkpoint.sequence for checkpoint in await log.reader.checkpoints(TENANT)]
    clock.unix_s += 20_000
    await log.log.append(event(8))

    assert by_number == [5]
    assert [checkpoint.sequence for checkpoint in await log.reader.checkpoints(TENANT)] == [5, 8]


async def test_the_end_of_every_chain_is_signed_on_demand(log: Chains) -> None:
    await log.log.append(event(1))
    await log.log.append(event(1, "clinic"))
    await log.log.sign_heads()
    await log.log.sign_heads()

    assert [[one.sequence for one in await log.reader.checkpoints(tenant)] for tenant in ("clinic", TENANT)] == [
        [1]
    ] * 2
    assert await log.faults() == []


async def test_an_idle_chain_is_signed_in_the_background(database: Database) -> None:
    signer = Signer(Ed25519PrivateKey.generate())
    log, reader = StoredAudit(database, signer, AuditSettings(checkpoint_period_s=1)), AuditReader(database)
    await log.append(event(1))
    async with asyncio.timeout(20):
        while not await reader.checkpoints(TENANT):  # noqa: ASYNC110 - it comes by itself, from a task of the log's
            await asyncio.sleep(0.05)

    assert [checkpoint.sequence for checkpoint in await reader.checkpoints(TENANT)] == [1]


async def test_personal_data_are_erased_and_the_chain_stays_whole(log: Chains) -> None:
    await log.fill()
    num_erased = await log.log.erase(TENANT, "rpt_3", "local:operator", "request-9")
    again = await log.log.erase(TENANT, "rpt_3", "local:operator")
    entries = await log.entries()
    async with log.database.snapshot() as connection:
        rows = await connection.exec_driver_sql("SELECT * FROM audit_entries WHERE tenant = 'hospital'")
        kept = str(rows.fetchall())

    assert (num_erased, again) == (1, 0)
    assert entries[2].is_erased
    assert "003Y" not in kept
    assert f"{3:064x}" not in kept
    assert (entries[-1].action, entries[-1].object, entries[-1].subject) == ("log.erased", "rpt_3", "local:operator")
    assert await log.faults() == []


async def test_old_entries_are_pruned_up_to_a_checkpoint_that_vouches_for_them(log: Chains, clock: Clock) -> None:
    await log.fill()
    clock.unix_s += 400 * DAY_S
    await log.log.append(event(13))
    num_pruned = await log.log.prune(TENANT, round((clock.unix_s - 365 * DAY_S) * 1000), "local:operator")
    entries = await log.entries()

    assert num_pruned == 10
    assert [entry.sequence for entry in entries] == [11, 12, 13, 14]
    assert (entries[-1].action, entries[-1].details) == ("log.pruned", {"through": 10})
    assert await log.faults() == []


async def test_nothing_is_pruned_without_a_checkpoint_that_is_old_enough(log: Chains, clock: Clock) -> None:
    for number in range(4):
        await log.log.append(event(number))

    assert await log.log.prune(TENANT, round(clock.unix_s * 1000) + 1, "local:operator") == 0
    assert len(await log.entries()) == 4


async def test_a_chain_is_pruned_again_and_again(log: Chains, clock: Clock) -> None:
    for number in range(30):
        clock.unix_s += 1
        await log.log.append(event(number))
        await log.log.prune(TENANT, round((clock.unix_s - 5) * 1000), "local:operator")

    assert len(await log.entries()) < 20
    assert await log.faults() == []


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 7), st.sampled_from(["hospital", "clinic"])),
        st.tuples(st.just("erase"), st.integers(1, 7), st.just("hospital")),
        st.tuples(st.just("prune"), st.integers(0, 3), st.just("hospital")),
        st.tuples(st.just("sign"), st.just(0), st.just("hospital")),
    ),
    max_size=25,
)


@given(actions=ACTIONS)
@settings(max_examples=25, deadline=None)
def test_whatever_is_done_in_whatever_order_the_log_verifies(
    actions: list[tuple[str, int, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    asyncio.run(_perform(actions, tmp_path_factory.mktemp("log")))


async def _perform(actions: list[tuple[str, int, str]], folder: Path) -> None:
    clock, database = Clock(), Database(f"sqlite:///{folder / 'records.db'}", timeout_s=30)
    await upgrade(database)
    log = chains(database, clock)
    for action, number, tenant in actions:
        clock.unix_s += 1
        match action:
            case "append":
                await asyncio.gather(*(log.log.append(event(n, tenant)) for n in range(number)))
            case "erase":
                await log.log.erase(tenant, f"rpt_{number}", "local:operator")
            case "prune":
                await log.log.prune(tenant, round((clock.unix_s - number) * 1000), "local:operator")
            case "sign":
                await log.log.sign_heads()
    found = await log.faults(await log.exported())
    await database.close()

    assert found == []


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "clara" / "audit.pem"
    first, second = load_signer(path, may_make=True), load_signer(path, may_make=True)

    assert first.key_id == second.key_id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["audit.pem"]


def test_a_mounted_key_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_signer(tmp_path / "audit.pem", may_make=False)


def test_what_is_not_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "audit.pem").write_text("not a key")

    with pytest.raises(Unavailable, match="Ed25519"):
        load_signer(tmp_path / "audit.pem", may_make=False)
    with pytest.raises(Unavailable, match="Ed25519"):
        load_public_key(tmp_path / "audit.pem")


async def test_whoever_has_the_public_key_only_can_verify(log: Chains, tmp_path: Path) -> None:
    await log.fill()
    (tmp_path / "public.pem").write_text(log.signer.public_pem)

    assert await log.reader.verify(TENANT, load_public_key(tmp_path / "public.pem")) == []
