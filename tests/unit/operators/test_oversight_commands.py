"""`clara stop` and `clara audit`, as an operator types them."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from serve_app.cli import app

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a platform with a database."""
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Type a command; its settings name a database and a key in the folder."""
    config = folder / "settings.yaml"
    (folder / "data").mkdir()
    config.write_text(
        f"access: {{mode: required}}\nrecords: {{url: 'sqlite:///{folder / 'data' / 'records.db'}'}}\n",
        encoding="utf-8",
    )
    runner = CliRunner(env={"XDG_DATA_HOME": str(folder / "data")})

    def typed(*words: str, status: int = 0) -> Result:
        result = runner.invoke(app, [*words, "--config", str(config)])
        assert result.exit_code == status, result.output
        return result

    typed("db", "upgrade")
    return typed


def exported(run: Run) -> list[tuple[str, str]]:
    lines = run("audit", "export").stdout.splitlines()
    return [(entry["tenant"], entry["action"]) for entry in map(json.loads, lines)]


def test_a_stop_is_set_listed_and_lifted_and_each_is_in_the_log(run: Run) -> None:
    lifted_by = run("stop", "all", "--reason", "drift").stderr.split()[-1]
    run("stop", "tenant", "hospital")
    run("stop", "model", "Qwen/Qwen2-VL-7B-Instruct", "--reason", "recall-2026-3")
    listed = run("stop", "list").stdout
    run("stop", "lift", lifted_by)

    assert "drift" in listed and "hospital" in listed and "recall-2026-3" in listed
    assert "drift" not in run("stop", "list").stdout
    assert exported(run) == [
        ("hospital", "stop.set"), ("operator", "stop.set"), ("operator", "stop.set"), ("operator", "stop.lifted"),
    ]  # fmt: skip


@pytest.mark.parametrize("reason", ["Nguyễn Văn A", "has spaces", "", "x" * 41])
def test_a_reason_is_a_code(run: Run, reason: str) -> None:
    run("stop", "all", "--reason", reason, status=2)

    assert exported(run) == []


def test_a_stop_that_is_not_there_cannot_be_lifted(run: Run) -> None:
    assert "there is no stop 0123" in run("stop", "lift", "0123", status=1).stderr


def test_keys_that_are_made_here_are_in_the_log(run: Run) -> None:
    text = run("keys", "create", "--name", "reading room", "--scope", "admin", "--tenant", "hospital").stdout
    key_id = text.split("_")[1]
    run("keys", "rotate", key_id)
    run("keys", "revoke", key_id)

    assert exported(run) == [("hospital", f"key.{what}") for what in ("made", "rotated", "revoked")]
    assert "reading room" not in run("audit", "export").stdout


def test_the_log_verifies_and_a_change_is_named(run: Run, folder: Path) -> None:
    run("stop", "all")
    run("stop", "tenant", "hospital")
    verified = run("audit", "verify").stdout
    with sqlite3.connect(folder / "data" / "records.db") as connection:
        connection.execute("UPDATE audit_entries SET subject = 'local:nobody' WHERE tenant = 'hospital'")
    found = run("audit", "verify", status=1).stderr

    assert "2 chains verified" in verified
    assert "hospital 1: altered" in found


def test_a_checkpoint_outside_shows_what_was_cut_off(run: Run, folder: Path) -> None:
    run("stop", "all")
    run("audit", "checkpoint", str(folder / "kept.jsonl"))
    run("audit", "verify", "--checkpoint", str(folder / "kept.jsonl"))
    with sqlite3.connect(folder / "data" / "records.db") as connection:
        for table in ("entries", "chains", "checkpoints"):
            connection.execute(f"DELETE FROM audit_{table}")

    run("audit", "verify")
    assert (
        "operator 1: truncated" in run("audit", "verify", "--checkpoint", str(folder / "kept.jsonl"), status=1).stderr
    )


def test_a_replaced_key_is_trusted_only_where_its_public_half_is_given(run: Run, folder: Path) -> None:
    run("stop", "all")
    run("audit", "checkpoint", str(folder / "kept.jsonl"))
    (folder / "old.pem").write_text(run("audit", "public-key").stdout)
    (folder / "data" / "clara" / "audit.pem").unlink()

    assert "unknown-key" in run("audit", "verify", status=1).stderr
    run("audit", "verify", "--public-key", str(folder / "old.pem"))


def test_an_auditor_verifies_an_export_with_the_public_key_only(run: Run, folder: Path) -> None:
    run("stop", "all")
    run("stop", "tenant", "hospital")
    run("audit", "checkpoint", str(folder / "kept.jsonl"))
    (folder / "public.pem").write_text(run("audit", "public-key").stdout)
    export = run("audit", "export").stdout
    given = ["--checkpoint", str(folder / "kept.jsonl"), "--public-key", str(folder / "public.pem")]
    texts = {"whole": export, "changed": export.replace("unstated", "drift"), "cut": export.split("\n")[0]}
    found = {}
    for name, text in texts.items():
        (folder / f"{name}.jsonl").write_text(text)
        found[name] = run("audit", "verify", "--entries", str(folder / f"{name}.jsonl"), *given, status=name != "whole")

    assert "2 chains verified" in found["whole"].stdout
    assert "altered" in found["changed"].stderr
    assert "truncated" in found["cut"].stderr


def test_export_begins_with_a_day_and_a_tenant(run: Run) -> None:
    run("stop", "all")
    run("stop", "tenant", "hospital")

    assert len(run("audit", "export", "--tenant", "hospital").stdout.splitlines()) == 1
    assert run("audit", "export", "--since", "2999-01-01").stdout == ""


def test_nothing_is_pruned_before_its_time(run: Run) -> None:
    run("stop", "all")

    assert "0 entries removed" in run("audit", "prune").stderr


def test_erasing_what_is_not_there_writes_nothing(run: Run) -> None:
    assert "of 0 entries" in run("audit", "erase", "hospital", "rpt_1").stderr
    assert exported(run) == []
