"""Marked patient data in uploads of every kind: none of it is in a log, a metric, a database or a file afterwards."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from tests.serve.conftest import Platform, start
from tests.serve.marked import LABEL, Sent, questions, signs, uploads

pytestmark = pytest.mark.cluster


@dataclass(frozen=True)
class Visited:
    """A platform that got every marked request, and everything it wrote below `folder`."""

    platform: Platform
    folder: Path
    statuses: Counter[int]
    metrics: str


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder for all that a platform writes; its name is short, because Ray's sockets are below it."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def visited(folder: Path) -> Iterator[Visited]:
    settings: dict[str, object] = {
        "access": {"mode": "required"},
        "engine": {"backend": "scripted"},
        "telemetry": {"log_level": "DEBUG"},
        "records": {"url": f"sqlite:///{folder / 'records.db'}"},
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    key = _key(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("TMPDIR", "RAY_TMPDIR"):
            patch.setenv(name, str(folder / "tmp"))
        (folder / "tmp").mkdir()
        for platform in start(folder, settings):
            with httpx.Client(base_url=platform.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
                statuses = Counter(_status(client, sent) for sent in [*uploads(), *questions()])
                client.post("/v1/stops", json={"kind": "tenant", "name": LABEL, "reason": LABEL})
            yield Visited(platform, folder, statuses, _metrics(platform))


def _key(folder: Path) -> str:
    scopes = [f"--scope={scope}" for scope in ("reports:write", "admin", "metrics")]
    clara = Path(sys.executable).parent / "clara"
    words = [clara, "keys", "create", "--name", LABEL, "--tenant", "operator", *scopes]
    done = subprocess.run(
        [*map(str, words), "--config", str(folder / "settings.yaml")],
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def _status(client: httpx.Client, sent: Sent) -> int:
    return client.request(sent.method, sent.path, headers=sent.headers, **sent.arguments).status_code


def _metrics(platform: Platform, timeout_s: float = 30) -> str:
    """Read the metrics once Ray has collected the replicas', as it does every ten seconds."""
    deadline = time.monotonic() + timeout_s
    while "clara_reports_total" not in (text := httpx.get(platform.metrics_url).text) and time.monotonic() < deadline:
        time.sleep(0.5)
    return text


def _holding(folder: Path, signs: tuple[bytes, ...]) -> dict[str, bytes]:
    """Name the files with a sign in them, and what stands around the first."""
    found = {}
    for path in (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        data = path.read_bytes()
        for place in (data.find(sign) for sign in signs):
            if place >= 0:
                found[str(path.relative_to(folder))] = data[max(0, place - 150) : place + 150]
    return found


def test_requests_of_every_kind_came_in(visited: Visited) -> None:
    assert len(uploads()) >= 60
    assert visited.statuses.keys() >= {200, 400, 401, 404, 415, 422}
    assert not {status for status in visited.statuses if status >= 500}, visited.statuses


def test_no_file_that_the_platform_wrote_holds_a_mark(visited: Visited) -> None:
    names = {path.name for path in visited.folder.rglob("*")}

    assert {"records.db", "records.db-wal", "up.log", "serve", "raylet.out"} <= names
    assert _holding(visited.folder, (b"report request: request_id=",)), "the logs are among the files"
    assert _holding(visited.folder, signs()) == {}


def test_no_metric_holds_a_mark(visited: Visited) -> None:
    assert "clara_reports_total" in visited.metrics
    assert not [sign for sign in signs() if sign in visited.metrics.encode()]


def test_what_administrators_name_is_in_the_database_only(visited: Visited) -> None:
    assert {Path(name).name for name in _holding(visited.folder, (LABEL.encode(),))} <= {"records.db", "records.db-wal"}


def test_the_search_finds_what_is_in_the_database(visited: Visited) -> None:
    with sqlite3.connect(visited.folder / "records.db") as connection:
        [(key,)] = connection.execute("select key from answers where sealed is not null").fetchall()

    assert _holding(visited.folder, (key.encode(),))


def test_no_process_that_handles_films_leaves_a_core_file(visited: Visited) -> None:
    processes = visited.platform.processes("ServeReplica:clara", "ProxyActor")

    assert len(processes) >= 4
    assert {process.rlimit(psutil.RLIMIT_CORE) for process in processes} == {(0, 0)}
