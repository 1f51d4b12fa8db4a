"""`clara db`: the version of the database's tables."""

import typer

from serve_app.operators.terminal import Config, err, records, run
from serve_app.records import schema

database = typer.Typer(no_args_is_help=True, help="Bring the database's tables to this release, or verify that.")


@database.command()
def upgrade(config: Config = None) -> None:
    """Bring the tables to this release; several at once wait for each other."""

    async def work() -> None:
        async with records(config) as opened:
            await schema.upgrade(opened)

    run(work)
    err.print("The database's tables are those of this release.")


@database.command()
def check(config: Config = None) -> None:
    """Verify that the tables are those of this release."""

    async def work() -> None:
        async with records(config) as opened:
            await schema.require_current(opened)

    run(work)
    err.print("The database's tables are those of this release.")
