"""`clara audit`: verify, export, sign, erase and prune the audit log."""

import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any

import typer

from serve_app.domain.audit import AuditEntry, Checkpoint
from serve_app.domain.errors import BadRequest
from serve_app.operators.remake import read_entries, remake
from serve_app.operators.terminal import Config, err, operator, out, records, run, settings_of
from serve_app.records.audit import StoredAudit
from serve_app.records.audit_keys import TrustedKeys, load_public_key
from serve_app.records.audit_read import AuditReader
from serve_app.records.audit_verify import ChainVerifier, Fault
from serve_app.records.oversight import signer_of, stored_audit
from serve_app.records.schema import require_current
from serve_app.settings import AuditSettings

audit = typer.Typer(no_args_is_help=True, help="Verify, export, sign, erase and prune the audit log.")

Tenant = Annotated[str | None, typer.Option(help="Only this tenant's chain.")]
audit.command()(remake)

PublicKeys = Annotated[
    list[Path] | None,
    typer.Option(exists=True, dir_okay=False, help="A public key to trust beside audit.key_file's; may be repeated."),
]
_DAY_S = 86_400


@audit.command()
def verify(
    tenant: Tenant = None,
    checkpoint: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Checkpoints kept outside the database.")
    ] = None,
    entries: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="What `clara audit export` printed, in place of the database."),
    ] = None,
    public_key: PublicKeys = None,
    config: Config = None,
) -> None:
    """Verify every chain against its checkpoints; exit code 1 if anything does not fit."""

    async def of_database() -> dict[str, list[Fault]]:
        async with _opened(config) as opened:
            kept = _checkpoints(checkpoint)
            tenants = [tenant] if tenant else sorted({*await opened.reader.tenants(), *(one.tenant for one in kept)})
            keys = signer_of(opened.settings).trusted | _public(public_key)
            limit = opened.settings.checkpoint_entries
            return {one: await opened.reader.verify(one, keys, kept, limit) for one in tenants}

    async def of_export() -> dict[str, list[Fault]]:
        read = [] if entries is None else read_entries(entries)
        return _verified(read, _checkpoints(checkpoint), _public(public_key), tenant)

    _print_faults(run(of_database if entries is None else of_export))


@audit.command()
def export(
    tenant: Tenant = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day, UTC, to begin with.")] = None,
    config: Config = None,
) -> None:
    """Print entries as JSON Lines, oldest first, one tenant after the other."""
    since_unix_ms = 0 if since is None else round(since.replace(tzinfo=UTC).timestamp() * 1000)

    async def work() -> None:
        async with _opened(config) as opened:
            for one in [tenant] if tenant else await opened.reader.tenants():
                async for entry in opened.reader.entries(one, since_unix_ms):
                    _print_json(asdict(entry))

    run(work)


@audit.command()
def checkpoint(
    to: Annotated[Path, typer.Argument(dir_okay=False, help="The file to write; keep it outside the platform.")],
    config: Config = None,
) -> None:
    """Sign the end of every chain now, and write the last checkpoint of each tenant to a file."""

    async def work() -> list[Checkpoint]:
        async with _opened(config) as opened:
            await opened.log.sign_heads()
            signed = [await opened.reader.checkpoints(tenant) for tenant in await opened.reader.tenants()]
            return [checkpoints[-1] for checkpoints in signed if checkpoints]

    written = run(work)
    to.write_text("".join(f"{json.dumps(asdict(one))}\n" for one in written), encoding="utf-8")
    err.print(f"{len(written)} checkpoints written to {to}.", markup=False)


@audit.command()
def erase(
    tenant: Annotated[str, typer.Argument(help="The tenant.")],
    report_id: Annotated[str, typer.Argument(help="The report whose personal data go.")],
    config: Config = None,
) -> None:
    """Erase the personal data of a report's entries: age, sex, view, digests. The chain stays whole."""

    async def work() -> int:
        async with _opened(config) as opened:
            return await opened.log.erase(tenant, report_id, operator())

    err.print(f"Personal data of {run(work)} entries erased.")


@audit.command()
def prune(config: Config = None) -> None:
    """Remove entries older than audit.retention_days, up to a checkpoint, which stays to vouch for them."""

    async def work() -> int:
        async with _opened(config) as opened:
            before_unix_ms = round((time.time() - opened.settings.retention_days * _DAY_S) * 1000)
            tenants = await opened.reader.tenants()
            return sum([await opened.log.prune(tenant, before_unix_ms, operator()) for tenant in tenants])

    err.print(f"{run(work)} entries removed.")


@audit.command("public-key")
def public_key(config: Config = None) -> None:
    """Print the public key that verifies checkpoints, in PEM."""

    async def work() -> str:
        return signer_of(settings_of(config).audit).public_pem

    out.print(run(work), end="")


@dataclass(frozen=True, slots=True)
class _Opened:
    settings: AuditSettings
    log: StoredAudit
    reader: AuditReader


@asynccontextmanager
async def _opened(config: Path | None) -> AsyncIterator[_Opened]:
    settings = settings_of(config).audit
    async with records(config) as database:
        await require_current(database)
        yield _Opened(settings, stored_audit(database, settings), AuditReader(database))


def _verified(
    entries: list[AuditEntry], kept: list[Checkpoint], keys: TrustedKeys, tenant: str | None
) -> dict[str, list[Fault]]:
    """Verify the chains of an export; each begins at its first entry, or after a kept checkpoint."""
    found: dict[str, list[Fault]] = {}
    tenants = {entry.tenant for entry in entries} | {checkpoint.tenant for checkpoint in kept}
    for name in sorted(tenants if tenant is None else {tenant}):
        verifier = ChainVerifier(name, [one for one in kept if one.tenant == name], keys)
        for entry in entries:
            if entry.tenant == name:
                verifier.add(entry)
        found[name] = verifier.finish(None)
    return found


def _print_faults(found: dict[str, list[Fault]]) -> None:
    faults = [fault for faults in found.values() for fault in faults]
    for fault in faults:
        err.print(str(fault), style="bold red", markup=False)
    if faults:
        raise typer.Exit(1)
    out.print(f"{len(found)} chains verified: every entry is as it was written.")


def _public(paths: list[Path] | None) -> TrustedKeys:
    return reduce(or_, map(load_public_key, paths or ()), TrustedKeys(()))


def _checkpoints(path: Path | None) -> list[Checkpoint]:
    if path is None:
        return []
    try:
        return [Checkpoint(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (ValueError, TypeError) as error:
        raise BadRequest(f"{path.name} holds no checkpoints") from error


def _print_json(value: Any) -> None:
    sys.stdout.write(f"{json.dumps(value, ensure_ascii=False)}\n")
