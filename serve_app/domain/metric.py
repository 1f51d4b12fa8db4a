"""What a metric is; their names are in `telemetry.metrics`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One time series family; `buckets` are upper bounds in the unit that ends the name."""

    name: str
    kind: Literal["counter", "histogram"]
    description: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
