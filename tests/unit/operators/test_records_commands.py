"""`clara records erase`: what was kept of a report is gone from every file of the database."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from serve_app.api.examples import REPORT
from serve_app.cli import app
from serve_app.domain.answer import Claim
from serve_app.domain.audit import Action, AuditEvent
from serve_app.records.answers import StoredAnswers
from serve_app.records.cipher import read_cipher
from serve_app.records.database import Database
from serve_app.records.oversight import stored_audit
from serve_app.settings import Settings

MARK = "zqxbimat"
REPORTS = [(tenant, f"rpt_{number}") for tenant in ("north", "south") for number in ("1", "2")]


@pytest.fixture
def erase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Fill a database with answers and entries, of each tenant two, and type the command."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    config = tmp_path / "settings.yaml"
    config.write_text(f"records: {{url: 'sqlite:///{tmp_path / 'records.db'}'}}\n")
    runner = CliRunner()
    assert runner.invoke(app, ["db", "upgrade", "--config", str(config)]).exit_code == 0
    asyncio.run(_fill(tmp_path))
    return lambda *words: runner.invoke(app, ["records", "erase", *words, "--config", str(config)])


async def _fill(folder: Path) -> None:
    settings = Settings()
    database = Database(f"sqlite:///{folder / 'records.db'}", 5)
    answers = StoredAnswers(database, read_cipher(settings.records.encryption_key_path, may_make=True), 1000)
    log = stored_audit(database, settings.audit)
    for tenant, report_id in REPORTS:
        claim = Claim(tenant, report_id, "print", "owner")
        await answers.claim(claim)
        await answers.keep(claim, replace(REPORT, id=report_id))
        personal = {"age": f"{MARK}-{tenant}-{report_id}"}
        await log.append(AuditEvent(tenant, "key:1", Action.REPORT_DRAFTED, report_id, "", {}, personal))
    await database.close()


def _marks(folder: Path) -> set[str]:
    """Find whose personal data any file of the database holds, free pages and write-ahead log included."""
    data = b"".join(path.read_bytes() for path in folder.glob("records.db*"))
    return {f"{tenant} {report_id}" for tenant, report_id in REPORTS if f"{MARK}-{tenant}-{report_id}".encode() in data}


async def _answers(folder: Path) -> set[str]:
    database = Database(f"sqlite:///{folder / 'records.db'}", 5)
    answers = StoredAnswers(database, read_cipher(Settings().records.encryption_key_path, may_make=False), 1000)
    found = {
        f"{tenant} {report_id}"
        for tenant, report_id in REPORTS
        if await answers.claim(Claim(tenant, report_id, "print", "other")) != "ours"
    }
    await database.close()
    return found


@pytest.mark.parametrize(
    ("words", "stays"),
    [
        (("--report", "rpt_1", "--tenant", "north"), {"north rpt_2", "south rpt_1", "south rpt_2"}),
        (("--report", "rpt_1"), {"north rpt_2", "south rpt_2"}),
        (("--tenant", "north"), {"south rpt_1", "south rpt_2"}),
        (("--report", "rpt_9"), {"north rpt_1", "north rpt_2", "south rpt_1", "south rpt_2"}),
    ],
    ids=" ".join,
)
def test_what_is_erased_is_in_no_file_and_the_rest_stays(
    erase: Callable[..., Result], tmp_path: Path, words: tuple[str, ...], stays: set[str]
) -> None:
    assert len(_marks(tmp_path)) == 4
    result = erase(*words)

    assert result.exit_code == 0, result.output
    assert f"{4 - len(stays)} answers and the personal data of {4 - len(stays)} audit entries" in result.stderr
    assert _marks(tmp_path) == stays
    assert asyncio.run(_answers(tmp_path)) == stays


def test_the_chain_verifies_after_erasing(erase: Callable[..., Result], tmp_path: Path) -> None:
    erase("--tenant", "north")
    verified = CliRunner().invoke(app, ["audit", "verify", "--config", str(tmp_path / "settings.yaml")])

    assert verified.exit_code == 0, verified.output


def test_nothing_is_erased_without_saying_what(erase: Callable[..., Result], tmp_path: Path) -> None:
    assert erase().exit_code == 2
    assert len(_marks(tmp_path)) == 4
