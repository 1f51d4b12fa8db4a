"""What the operators' commands share: the terminal, the settings file, and the records it names."""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console

from serve_app.domain.audit import Action, AuditEvent, Facts
from serve_app.domain.errors import ClaraError
from serve_app.records.database import Database
from serve_app.records.oversight import stored_audit
from serve_app.records.schema import SchemaMismatch
from serve_app.settings import Settings

T = TypeVar("T")

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

Config = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, envvar="CLARA_CONFIG", help="The platform's settings, as `clara up` takes them."
    ),
]


def settings_of(config: Path | None) -> Settings:
    """Read the settings; without a file they are the defaults."""
    try:
        return Settings.model_validate((yaml.safe_load(config.read_text()) or {}) if config else {})
    except (ValidationError, yaml.YAMLError, TypeError) as error:
        raise typer.BadParameter(str(error), param_hint="--config") from error


@asynccontextmanager
async def records(config: Path | None) -> AsyncIterator[Database]:
    """Open the database that the settings name."""
    settings = settings_of(config).records
    database = Database(settings.address, settings.timeout_s)
    try:
        yield database
    finally:
        await database.close()


async def note(database: Database, config: Path | None, action: Action, tenant: str, obj: str, details: Facts) -> None:
    """Write down what was done at this terminal, unless the audit log is off."""
    settings = settings_of(config).audit
    if settings.mode != "off":
        event = AuditEvent(tenant, operator(), action, obj, "", details)
        await stored_audit(database, settings).append(event)


def operator() -> str:
    """Name who sits at this terminal, as the operating system does."""
    try:
        return f"local:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"local:{os.getuid()}"


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run one command's work; what an operator can mend is a sentence and exit code 1."""
    try:
        return asyncio.run(work())
    except (ClaraError, SchemaMismatch, OSError) as error:
        err.print(str(error), style="bold red", markup=False)
        raise typer.Exit(1) from error
