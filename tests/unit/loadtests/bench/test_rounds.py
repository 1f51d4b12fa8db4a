"""Rounds are summed up by what their callers saw and by what every process spent."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.bench.hosts import hosted, part
from loadtests.bench.rounds import Round, cpu_s_per_report, ratios, run_round, summary
from loadtests.bench.targets import Sample, Target

STREAMED = Sample(0, 2.0, 90, "tim to", first_token_s=0.5, turns_s=(0.4, 0.1))
WHOLE = Sample(1, 4.0, 92, "tim to")


class Reciting:
    """A target that notes what it was shown and asked."""

    def __init__(self) -> None:
        self.seen: list[list[bytes]] = []
        self.asked: list[tuple[int, bytes]] = []

    async def start(self) -> None: ...

    async def preload(self, films: list[bytes]) -> None:
        self.seen.append(films)

    async def report(self, number: int, film: bytes) -> Sample:
        self.asked.append((number, film))
        return Sample(number, 1.0, 1, "")

    async def stop(self) -> None: ...


class Preparing(Reciting, Target):
    """Works for half a second on what it is shown, and makes no report without having seen the film."""

    async def preload(self, films: list[bytes]) -> None:
        await super().preload(films)
        ends = time.process_time() + 0.5
        while time.process_time() < ends:
            pass

    async def report(self, number: int, film: bytes) -> Sample:
        assert film in self.seen[-1]
        return await super().report(number, film)


@contextlib.contextmanager
def preparing(folder: Path) -> Iterator[Target]:
    yield Preparing()


def test_what_a_target_does_before_its_clock_runs_is_no_processor_time_of_its_round(tmp_path: Path) -> None:
    with hosted("preparing", preparing, tmp_path) as host:
        rounds = [host.run([film, film], num_clients=1) for film in (b"a", b"b")]

    assert [len(one.samples) for one in rounds] == [2, 2]
    assert all(sum(one.cpu_s.values()) < 0.25 for one in rounds)


async def test_every_film_is_asked_for_once_under_its_number() -> None:
    target = Reciting()

    done = await run_round(target, [b"a", b"b", b"c"], num_clients=2)

    assert sorted(target.asked) == [(0, b"a"), (1, b"b"), (2, b"c")]
    assert len(done.samples) == 3


def test_what_is_streamed_has_first_tokens() -> None:
    found = summary([Round(2.0, (STREAMED, STREAMED)), Round(4.0, (STREAMED, STREAMED))])

    assert found["reports_per_s"] == 3.0
    assert found["first_token_p50_s"] == 0.5
    assert (found["turn_1_first_token_p50_s"], found["turn_2_first_token_p50_s"]) == (0.4, 0.1)


def test_what_is_not_streamed_has_none() -> None:
    found = summary([Round(2.0, (WHOLE, WHOLE))])

    assert "first_token_p50_s" not in found and "turn_2_first_token_p50_s" not in found
    assert found["report_p50_s"] == 4.0


def test_processor_time_is_counted_by_report_and_part() -> None:
    rounds = [Round(1.0, (WHOLE, WHOLE), {"engine": 4.0, "proxy": 0.2}), Round(1.0, (WHOLE, WHOLE), {"engine": 6.0})]

    assert cpu_s_per_report(rounds) == {"engine": 2.5, "proxy": 0.05}
    assert summary(rounds)["cpu_s_per_report"] == pytest.approx(2.55)


def test_ratios_are_of_what_both_have() -> None:
    assert ratios({"a": 3.0, "b": 1.0, "c": 1.0}, to={"a": 2.0, "c": 0.0}) == {"a": 1.5}


@pytest.mark.parametrize(
    ("command_line", "name"),
    [
        ("ray::ServeReplica:clara:engine.handle_request", "engine replica"),
        ("ray::ServeReplica:clara:gateway", "gateway"),
        ("ray::ProxyActor", "proxy"),
        ("/usr/sbin/haproxy -db -f /tmp/clara-x/haproxy.cfg", "proxy"),
        ("ray::HAProxyManager", "ray"),
        ("ray::ServeController.listen_for_change", "ray"),
        ("/opt/venv/lib/python3.11/site-packages/ray/core/src/ray/raylet/raylet --store", "ray"),
        ("VLLM::EngineCore", "engine"),
        ("python -m vllm.entrypoints.openai.api_server --model clara", "server"),
        ("python -m uvicorn --factory loadtests.bench.first_version:create_app", "first version"),
        ("python -c from multiprocessing.resource_tracker", "other"),
    ],
)
def test_a_process_is_known_by_its_command_line(command_line: str, name: str) -> None:
    assert part(command_line) == name
