"""Plots a comparison: reports per second, time to first token and time to report by number of clients."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

_SHOWN = {
    "reports_per_s": "reports per second",
    "first_token_p50_s": "time to first token, median, s",
    "report_p95_s": "time to report, 95th percentile, s",
}


def draw(result: dict[str, Any], path: Path) -> None:
    """Plot the result of `measure`. The file's extension sets the format."""
    clients = list(result["clients"])
    figure, axes = plt.subplots(1, len(_SHOWN), figsize=(13, 4), layout="constrained")
    for axis, (key, label) in zip(axes, _SHOWN.items(), strict=True):
        for name in result["clients"][clients[0]]:
            shown = [number for number in clients if key in result["clients"][number][name]]
            axis.plot(shown, [result["clients"][number][name][key] for number in shown], marker="o", label=name)
        axis.set(title=label, xlabel="clients", ylim=(0, None))
    axes[0].legend()
    figure.suptitle(f"{result['machine']}, {result['date']}, commit {result['commit']}")
    figure.savefig(path)
    plt.close(figure)
