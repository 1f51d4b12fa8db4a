"""Checks whether a load test met the objectives: `python -m loadtests.verdict STATS.json`.

Reads Locust's statistics (--json-file) and monitoring/slo.yaml. Exit status 0: met, 1: missed, 2: not measured.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SLO_FILE = Path(__file__).parent.parent / "monitoring" / "slo.yaml"
REQUEST_METHOD = "POST"


@dataclass(frozen=True, slots=True)
class Line:
    """The verdict on one objective: the share of `num_reports` that met it, and the target."""

    objective: str
    met_ratio: float
    target_ratio: float
    num_reports: int

    @property
    def is_met(self) -> bool:
        """Whether the objective was met."""
        return self.met_ratio >= self.target_ratio

    def __str__(self) -> str:
        word = "met   " if self.is_met else "MISSED"
        return f"{word} {self.objective}: {self.met_ratio:.1%} of {self.num_reports}, target {self.target_ratio:.1%}"


def judge(stats: list[dict[str, Any]], objectives: list[dict[str, Any]]) -> list[Line]:
    """Judge every objective; leaves out those without a measurement."""
    lines = []
    for objective in objectives:
        if "threshold_s" in objective:
            met, total = _in_time(stats, objective["name"], objective["threshold_s"] * 1000)
        else:
            met, total = _answered(stats)
        if total:
            lines.append(Line(objective["name"], met / total, objective["target_ratio"], total))
    return lines


def _in_time(stats: list[dict[str, Any]], name: str, threshold_ms: float) -> tuple[int, int]:
    """Count the reports within a time. Locust stores times with two significant digits."""
    times = [times for entry in stats if entry["name"] == name for times in entry["response_times"].items()]
    return sum(num for ms, num in times if float(ms) <= threshold_ms), sum(num for _, num in times)


def _answered(stats: list[dict[str, Any]]) -> tuple[int, int]:
    """Count the complete reports. All images are valid, so every failure is the platform's."""
    entries = [entry for entry in stats if entry["method"] == REQUEST_METHOD]
    total = sum(entry["num_requests"] for entry in entries)
    return total - sum(entry["num_failures"] for entry in entries), total


def main() -> int:
    """Print one line per objective, and return the verdict as exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stats", type=Path, help="the file of Locust's --json-file")
    parser.add_argument("--slo", type=Path, default=SLO_FILE, help="the objectives")
    args = parser.parse_args()
    objectives = yaml.safe_load(args.slo.read_text(encoding="utf-8"))["objectives"]
    lines = judge(json.loads(args.stats.read_text(encoding="utf-8")), objectives)
    for line in lines:
        print(line)
    unmeasured = {objective["name"] for objective in objectives} - {line.objective for line in lines}
    for name in sorted(unmeasured):
        print(f"not measured: {name}")
    if not all(line.is_met for line in lines):
        return 1
    return 2 if unmeasured else 0


if __name__ == "__main__":
    sys.exit(main())
