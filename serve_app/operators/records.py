"""`clara records`: erase what is kept of reports, on the machine that has the database."""

from typing import Annotated

import typer

from serve_app.operators.terminal import Config, err, operator, records, run, settings_of
from serve_app.records.answers import StoredAnswers
from serve_app.records.audit_read import AuditReader
from serve_app.records.cipher import read_cipher
from serve_app.records.oversight import stored_audit
from serve_app.records.schema import require_current

kept = typer.Typer(no_args_is_help=True, help="Erase what is kept of reports.")


@kept.callback()
def _group() -> None:
    """Keep `erase` a word of its own while it is the only one."""


@kept.command()
def erase(
    report: Annotated[str | None, typer.Option(help="The report, by its id.")] = None,
    tenant: Annotated[str | None, typer.Option(help="The tenant; without --report, all its reports.")] = None,
    config: Config = None,
) -> None:
    """Erase answers kept for clients that ask again, and the personal data of audit entries. The chain stays whole."""
    if report is None and tenant is None:
        raise typer.BadParameter("name a report or a tenant", param_hint="--report, --tenant")

    async def work() -> tuple[int, int]:
        settings = settings_of(config)
        async with records(config) as database:
            await require_current(database)
            path, is_own = settings.records.encryption_key_path, settings.records.encryption_key_file == "auto"
            answers = StoredAnswers(database, read_cipher(path, may_make=is_own), settings.records.answer_retention_s)
            num_answers = await answers.erase(tenant, report)
            log = stored_audit(database, settings.audit)
            tenants = await AuditReader(database).tenants() if tenant is None else [tenant]
            return num_answers, sum([await log.erase(one, report, operator()) for one in tenants])

    num_answers, num_entries = run(work)
    err.print(f"{num_answers} answers and the personal data of {num_entries} audit entries erased.")
