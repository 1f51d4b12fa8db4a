"""Says whether a load test kept the objectives: `python -m loadtests.verdict STATS.json`.

Reads what Locust wrote with --json-file, and monitoring/slo.yaml. Exit status 0 kept, 1 broken, 2 not measured.
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
    """One objective, judged: the share of `num_reports` that kept it, against the share that was promised."""

    objective: str
    kept_ratio: float
    target_ratio: float
    num_reports: int

    @property
    def is_kept(self) -> bool:
        """Whether the promise held."""
        return self.kept_ratio >= self.target_ratio

    def __str__(self) -> str:
        word = "kept  " if self.is_kept else "BROKEN"
        return f"{word} {self.objective}: {self.kept_ratio:.1%} of {self.num_reports}, promised {self.target_ratio:.1%}"


def judge(stats: list[dict[str, Any]], objectives: list[dict[str, Any]]) -> list[Line]:
    """Judge every objective; one that nothing was measured for is left out."""
    lines = []
    for objective in objectives:
        if "threshold_s" in objective:
            kept, total = _in_time(stats, objective["name"], objective["threshold_s"] * 1000)
        else:
            kept, total = _answered(stats)
        if total:
            lines.append(Line(objective["name"], kept / total, objective["target_ratio"], total))
    return lines


def _in_time(stats: list[dict[str, Any]], name: str, threshold_ms: float) -> tuple[int, int]:
    """Count the reports within a time; Locust keeps times to two significant digits."""
    times = [times for entry in stats if entry["name"] == name for times in entry["response_times"].items()]
    return sum(num for ms, num in times if float(ms) <= threshold_ms), sum(num for _, num in times)


def _answered(stats: list[dict[str, Any]]) -> tuple[int, int]:
    """Count the whole reports; the films are good, so any failure is the platform's."""
    entries = [entry for entry in stats if entry["method"] == REQUEST_METHOD]
    total = sum(entry["num_requests"] for entry in entries)
    return total - sum(entry["num_failures"] for entry in entries), total


def main() -> int:
    """Print a line an objective and give the verdict as exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stats", type=Path, help="the file that Locust wrote with --json-file")
    parser.add_argument("--slo", type=Path, default=SLO_FILE, help="the objectives")
    args = parser.parse_args()
    objectives = yaml.safe_load(args.slo.read_text(encoding="utf-8"))["objectives"]
    lines = judge(json.loads(args.stats.read_text(encoding="utf-8")), objectives)
    for line in lines:
        print(line)
    unmeasured = {objective["name"] for objective in objectives} - {line.objective for line in lines}
    for name in sorted(unmeasured):
        print(f"not measured: {name}")
    if not all(line.is_kept for line in lines):
        return 1
    return 2 if unmeasured else 0


if __name__ == "__main__":
    sys.exit(main())
