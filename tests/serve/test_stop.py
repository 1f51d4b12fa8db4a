"""A stop reaches every process that drafts, and every report, stopped ones too, is in the audit log."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.serve.conftest import Platform, drawn_film, start
from tests.serve.test_platform import post

pytestmark = pytest.mark.cluster


@dataclass(frozen=True)
class Operator:
    """Types commands beside a platform, with its settings and its data folder."""

    folder: Path

    def types(self, *words: str) -> str:
        command = [str(Path(sys.executable).parent / "clara"), *words, "--config", str(self.folder / "settings.yaml")]
        environment = {**os.environ, "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
        return done.stdout + done.stderr


@pytest.fixture(scope="module", params=["gateway", pytest.param("separate", marks=pytest.mark.slow)])
def watched(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Platform, Operator]]:
    """A platform with two gateways and a slow engine, reasoning in the gateway or apart, and its operator."""
    folder = tmp_path_factory.mktemp("watched")
    operator = Operator(folder)
    settings: dict[str, object] = {
        "audit": {"mode": "required"},
        "records": {"url": f"sqlite:///{folder / 'data' / 'records.db'}"},
        "gateway": {"scaling": {"min_replicas": 2, "max_replicas": 2}},
        "orchestrator": {"placement": request.param},
        "engine": {"backend": "scripted", "scripted": {"token_s": 0.2}},
    }
    (folder / "settings.yaml").write_text(json.dumps(settings), encoding="utf-8")
    operator.types("db", "upgrade")
    for platform in start(folder, settings):
        yield platform, operator


def events_until(platform: Platform, film: bytes, then: list[str], operator: Operator) -> list[str]:
    """Stream a report, type a command at its first word, and name its events."""
    names: list[str] = []
    with httpx.stream(
        "POST",
        f"{platform.url}/v1/reports",
        files={"image": film},
        headers={"Accept": "text/event-stream"},
        timeout=120,
    ) as response:
        for line in response.iter_lines():
            if line.startswith("event: "):
                names.append(line.removeprefix("event: "))
                if names.count("findings.delta") == 1 and names[-1] == "findings.delta":
                    operator.types(*then)
            if line.startswith("data: ") and names[-1] == "error":
                names.append(json.loads(line.removeprefix("data: "))["code"])
    return names


def until_drafted(platform: Platform, film: bytes) -> httpx.Response:
    """Ask until the lifted stop has reached the replica that is asked."""
    deadline = time.monotonic() + 60
    while (response := post(platform, film)).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.5)
    return response


@pytest.mark.parametrize("stop", [["all"], ["tenant", "local"], ["model", "scripted"]], ids=lambda words: words[0])
def test_a_stop_ends_what_is_in_progress_and_what_is_asked_on_every_replica(
    watched: tuple[Platform, Operator], tmp_path: Path, stop: list[str]
) -> None:
    platform, operator = watched
    film = drawn_film(tmp_path, 7).read_bytes()
    names = events_until(platform, film, ["stop", *stop, "--reason", "drift"], operator)
    time.sleep(5)
    answers = [post(platform, film) for _ in range(8)]
    readiness = httpx.get(f"{platform.url}/readyz", timeout=30).json()["reason"]
    stop_id = operator.types("stop", "list").split("│")[1].strip()
    operator.types("stop", "lift", stop_id)

    assert names[-2:] == ["error", "drafting-stopped"]
    assert "report" not in names
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "drafting-stopped")}
    assert {answer.json()["facts"]["reason"] for answer in answers} == {"drift"}
    assert readiness == ("stopped" if stop == ["all"] else "partly-stopped")
    assert until_drafted(platform, film).status_code == 200


def test_every_report_and_stop_is_in_the_log_and_the_log_verifies(
    watched: tuple[Platform, Operator], tmp_path: Path
) -> None:
    platform, operator = watched
    report = until_drafted(platform, drawn_film(tmp_path, 8).read_bytes()).json()
    entries = [json.loads(line) for line in operator.types("audit", "export").splitlines() if line.startswith("{")]
    verified = operator.types("audit", "verify")

    assert report["id"] in {entry["object"] for entry in entries if entry["action"] == "report.drafted"}
    assert "verified" in verified
