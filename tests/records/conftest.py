"""The records' databases, real ones: a SQLite file and a PostgreSQL server."""

import os
import pwd
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from serve_app.records.database import Database
from serve_app.records.schema import upgrade


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start a PostgreSQL server that listens in a folder only; tests that need it skip where it is absent."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if programs is None:
        pytest.skip("psql is not installed, or its server is not (Debian's package postgresql)")
    folder = tmp_path_factory.mktemp("postgresql")
    as_owner = _as_owner(folder)
    data = folder / "data"
    subprocess.run(
        [*as_owner, programs / "initdb", "-D", data, "-U", "clara", "--no-sync"], check=True, stdout=subprocess.DEVNULL
    )
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    control = [*as_owner, programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL)
    yield folder
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    folder = request.getfixturevalue("postgresql")
    name = f"records_{os.urandom(4).hex()}"
    createdb = shutil.which("createdb") or "createdb"
    subprocess.run([createdb, "-h", folder, "-U", "clara", name], check=True)
    return f"postgresql://clara@/{name}?host={folder}"


@pytest.fixture
async def database(address: str) -> AsyncIterator[Database]:
    """Open a database that has this release's tables."""
    opened = Database(address, timeout_s=30)
    await upgrade(opened)
    yield opened
    await opened.close()


def _as_owner(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: give the folder, and the way to it, to its own user."""
    if os.geteuid() != 0:
        return []
    owner = pwd.getpwnam("postgres")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    for parent in folder.parents:
        if parent.owner() == "root" and parent != Path(parent.root) and parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o001)
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
