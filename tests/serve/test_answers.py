"""A gateway dies between the model's answer and the client's: the client asks again and the engine does not."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serve.conftest import Platform, drawn_film, start
from tests.serve.test_stop import Operator

pytestmark = pytest.mark.cluster
KEY = {"Idempotency-Key": "one-and-only"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, Operator]]:
    """A platform that keeps answers and an audit log."""
    folder = tmp_path_factory.mktemp("kept")
    operator = Operator(folder)
    settings: dict[str, object] = {
        "audit": {"mode": "required"},
        "records": {"url": f"sqlite:///{folder / 'data' / 'records.db'}"},
        "engine": {"backend": "scripted", "scripted": {"token_s": 0.1}},
    }
    (folder / "settings.yaml").write_text(json.dumps(settings), encoding="utf-8")
    operator.types("db", "upgrade")
    for platform in start(folder, settings):
        yield platform, operator


def is_kept(folder: Path) -> bool:
    with sqlite3.connect(f"file:{folder / 'data' / 'records.db'}?mode=ro", uri=True) as database:
        return database.execute("SELECT count(*) FROM answers WHERE sealed IS NOT NULL").fetchone() == (1,)


def test_the_second_attempt_brings_the_report_that_was_made(kept: tuple[Platform, Operator], tmp_path: Path) -> None:
    platform, operator = kept
    film = drawn_film(tmp_path, 9).read_bytes()
    got: list[httpx.Response | Exception] = []

    def ask() -> None:
        try:
            got.append(httpx.post(f"{platform.url}/v1/reports", files={"image": film}, headers=KEY, timeout=120))
        except httpx.HTTPError as error:
            got.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    deadline = time.monotonic() + 60
    while not is_kept(operator.folder) and time.monotonic() < deadline:
        time.sleep(0.001)
    for gateway in platform.processes("ServeReplica:clara:gateway"):
        gateway.kill()
    asking.join()

    platform.wait_until_ready()
    again = httpx.post(f"{platform.url}/v1/reports", files={"image": film}, headers=KEY, timeout=120)
    entries = [json.loads(line) for line in operator.types("audit", "export").splitlines() if line.startswith("{")]

    assert again.status_code == 200
    assert [entry["object"] for entry in entries if entry["action"] == "report.drafted"] == [again.json()["id"]]
    for first in got:
        assert not isinstance(first, httpx.Response) or first.status_code != 200 or first.json() == again.json()
