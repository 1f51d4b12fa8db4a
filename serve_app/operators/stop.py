"""`clara stop`: stop drafting for everybody, for a tenant or by a model; list what is stopped, and lift it."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from serve_app.domain.audit import Action
from serve_app.domain.errors import NotFound
from serve_app.domain.stop import REASON, UNSTATED, Stop, StopKind
from serve_app.operators.terminal import Config, err, note, out, records, run, settings_of
from serve_app.records.database import Database
from serve_app.records.schema import require_current
from serve_app.records.stops import StoredStops

stop = typer.Typer(no_args_is_help=True, help="Stop drafting on every replica within five seconds, or lift a stop.")

ReasonOption = Annotated[str, typer.Option(help="A code, such as drift or recall-2026-3; clients read it.")]
Tenant = Annotated[str, typer.Argument(help="The tenant for which no report is drafted.")]
Model = Annotated[str, typer.Argument(help="The model, as reports name it, or one of its adapters.")]


@stop.command("all")
def stop_all(reason: ReasonOption = UNSTATED, config: Config = None) -> None:
    """Stop drafting for everybody."""
    _put(StopKind.ALL, "", reason, config)


@stop.command("tenant")
def stop_tenant(tenant: Tenant, reason: ReasonOption = UNSTATED, config: Config = None) -> None:
    """Stop drafting for one tenant."""
    _put(StopKind.TENANT, tenant, reason, config)


@stop.command("model")
def stop_model(model: Model, reason: ReasonOption = UNSTATED, config: Config = None) -> None:
    """Stop drafts by one model."""
    _put(StopKind.MODEL, model, reason, config)


@stop.command("list")
def list_stops(config: Config = None) -> None:
    """List the stops in effect."""

    async def work() -> list[Stop]:
        async with records(config) as database:
            await require_current(database)
            return await StoredStops(database).list_stops()

    table = Table("id", "what", "name", "reason", "since")
    for found in run(work):
        since = datetime.fromtimestamp(found.set_unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(found.id, found.kind, found.name, found.reason, since)
    out.print(table)


@stop.command()
def lift(
    stop_id: Annotated[str, typer.Argument(help="The stop's id, as `clara stop list` shows it.")], config: Config = None
) -> None:
    """Lift a stop; drafting goes on within five seconds."""

    async def work() -> Stop:
        async with records(config) as database:
            await require_current(database)
            store = StoredStops(database)
            found = next((stop for stop in await store.list_stops() if stop.id == stop_id), None)
            if found is None:
                raise NotFound(f"there is no stop {stop_id}")
            await _note(database, config, Action.STOP_LIFTED, found)
            await store.lift(stop_id)
            return found

    err.print(f"{_named(run(work))} goes on within five seconds.", markup=False)


def _put(kind: StopKind, name: str, reason: str, config: Path | None) -> None:
    if re.fullmatch(REASON, reason) is None:
        raise typer.BadParameter("must be a code: up to 40 small letters, digits and dashes", param_hint="--reason")
    made = Stop(kind, name, reason, time.time())

    async def work() -> None:
        async with records(config) as database:
            await require_current(database)
            # First the stop: it holds even where the entry then fails.
            await StoredStops(database).put(made)
            await _note(database, config, Action.STOP_SET, made)

    run(work)
    err.print(f"{_named(made)} is stopped within five seconds. Lift it with: clara stop lift {made.id}", markup=False)


async def _note(database: Database, config: Path | None, action: Action, stop: Stop) -> None:
    tenant = stop.name if stop.kind is StopKind.TENANT else settings_of(config).access.operator_tenant
    await note(database, config, action, tenant, stop.id, stop.facts)


def _named(stop: Stop) -> str:
    return "Drafting" if stop.kind is StopKind.ALL else f"Drafting for {stop.kind} {stop.name}"
