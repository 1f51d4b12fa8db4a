"""Interleaved rounds: machines are noisy, so targets take turns and only ratios are quoted."""

import asyncio
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadtests.bench.targets import Sample, Target


@dataclass(frozen=True, slots=True)
class Round:
    """One target's work on the same images at one concurrency. `cpu_s` is the processor time of each of its parts."""

    reports_per_s: float
    samples: tuple[Sample, ...]
    cpu_s: Mapping[str, float] = field(default_factory=dict)


async def run_round(target: Target, films: list[bytes], num_clients: int) -> Round:
    """Have `num_clients` clients share the images. Each requests the next report when its last one is done.

    The target has preloaded the images.
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
    """Compute median throughput over the rounds, quantiles over all reports, and processor seconds per report.

    Omits streaming figures for a target that does not stream.
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
    """Compute the processor seconds per report of each part, as the median over the rounds."""
    parts = {part for one in rounds for part in one.cpu_s}
    return {part: statistics.median(one.cpu_s.get(part, 0.0) / len(one.samples) for one in rounds) for part in parts}


def ratios(figures: Mapping[str, float], to: Mapping[str, float]) -> dict[str, Any]:
    """Divide one target's figures by those of another, as far as both have them."""
    return {name: value / to[name] for name, value in figures.items() if to.get(name)}
