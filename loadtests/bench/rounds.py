"""Interleaved rounds: machines are noisy, so what is compared runs turn by turn and only ratios are quoted."""

import asyncio
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from loadtests.bench.targets import Sample, Target


@dataclass(frozen=True, slots=True)
class Round:
    """One target's work on the same films at one concurrency."""

    reports_per_s: float
    samples: tuple[Sample, ...]


async def run_round(target: Target, films: list[bytes], num_clients: int) -> Round:
    """Let `num_clients` clients share the films, each asking for the next when its report is done."""
    waiting = list(enumerate(films))
    samples: list[Sample] = []

    async def client() -> None:
        while waiting:
            samples.append(await target.report(*waiting.pop()))

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(num_clients)))
    return Round(len(films) / (time.perf_counter() - started), tuple(samples))


async def compare(
    targets: Mapping[str, Target], draw: Callable[[int], list[bytes]], num_clients: int, num_rounds: int
) -> dict[str, list[Round]]:
    """Run every target in turn, round after round; each round has films that no cache has seen.

    The first round warms up and is thrown away.
    """
    rounds: dict[str, list[Round]] = {name: [] for name in targets}
    for number in range(num_rounds + 1):
        films = draw(number)
        for name, target in targets.items():
            measured = await run_round(target, films, num_clients)
            if number > 0:
                rounds[name].append(measured)
    return rounds


def summary(rounds: list[Round]) -> dict[str, float]:
    """Medians over the rounds' throughput, quantiles over all their reports; seconds."""
    samples = [sample for one in rounds for sample in one.samples]
    report_s = statistics.quantiles([sample.report_s for sample in samples], n=100, method="inclusive")
    return {
        "reports_per_s": statistics.median(one.reports_per_s for one in rounds),
        "first_token_p50_s": statistics.median(sample.first_token_s for sample in samples),
        "report_p50_s": report_s[49],
        "report_p95_s": report_s[94],
        "completion_tokens_per_report": statistics.mean(sample.completion_tokens for sample in samples),
    }
