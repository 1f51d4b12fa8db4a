"""Interleaved rounds: machines are noisy, so what is compared runs turn by turn and only ratios are quoted."""

import asyncio
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadtests.bench.targets import Sample, Target


@dataclass(frozen=True, slots=True)
class Round:
    """One target's work on the same films at one concurrency; `cpu_s` is what each of its parts spent on them."""

    reports_per_s: float
    samples: tuple[Sample, ...]
    cpu_s: Mapping[str, float] = field(default_factory=dict)


async def run_round(target: Target, films: list[bytes], num_clients: int) -> Round:
    """Let `num_clients` clients share the films, each asking for the next when its report is done.

    The target has looked at them.
    """
    waiting = list(enumerate(films))
    samples: list[Sample] = []

    async def client() -> None:
        while waiting:
            samples.append(await target.report(*waiting.pop()))

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(num_clients)))
    return Round(len(films) / (time.perf_counter() - started), tuple(samples))


def summary(rounds: list[Round]) -> dict[str, float]:
    """Medians over the rounds' throughput, quantiles over all their reports, processor time a report; seconds.

    What a target does not stream is absent.
    """
    samples = [sample for one in rounds for sample in one.samples]
    report_s = statistics.quantiles([sample.report_s for sample in samples], n=100, method="inclusive")
    first_token_s = [sample.first_token_s for sample in samples if sample.first_token_s is not None]
    figures: dict[str, float] = {"reports_per_s": statistics.median(one.reports_per_s for one in rounds)}
    if first_token_s:
        figures["first_token_p50_s"] = statistics.median(first_token_s)
    if all(len(sample.turns_s) == 2 for sample in samples):
        first, second = zip(*(sample.turns_s for sample in samples), strict=True)
        figures["turn_1_first_token_p50_s"] = statistics.median(first)
        figures["turn_2_first_token_p50_s"] = statistics.median(second)
    return {
        **figures,
        "report_p50_s": report_s[49],
        "report_p95_s": report_s[94],
        "report_p99_s": report_s[98],
        "cpu_s_per_report": sum(cpu_s_per_report(rounds).values()),
        "completion_tokens_per_report": statistics.mean(sample.completion_tokens for sample in samples),
    }


def cpu_s_per_report(rounds: list[Round]) -> dict[str, float]:
    """Processor seconds a report of each part, the median over the rounds."""
    parts = {part for one in rounds for part in one.cpu_s}
    return {part: statistics.median(one.cpu_s.get(part, 0.0) / len(one.samples) for one in rounds) for part in parts}


def ratios(figures: Mapping[str, float], to: Mapping[str, float]) -> dict[str, Any]:
    """Divide one target's figures by another's, where both have them."""
    return {name: value / to[name] for name, value in figures.items() if to.get(name)}
