"""Reads slo.yaml, and refuses an objective that its metric cannot answer."""

from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from serve_app.telemetry.metrics import METRICS, Metric

SLO_FILE = Path(__file__).parent / "slo.yaml"


class Objective(BaseModel):
    """One promise: a share of reports without a bad outcome, or a share below a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z]+(-[a-z]+)*$")
    claim: str
    metric: str
    bad_outcomes: tuple[str, ...] = ()
    threshold_s: float | None = None
    target_ratio: float = Field(gt=0, lt=1)
    window: str = Field(pattern=r"^[0-9]+d$")

    @property
    def source(self) -> Metric:
        """The metric it is counted from."""
        return next(metric for metric in METRICS if metric.name == self.metric)

    @model_validator(mode="after")
    def _is_countable(self) -> Self:
        if self.metric not in {metric.name for metric in METRICS}:
            raise ValueError(f"{self.name}: no metric is named {self.metric}")
        if (self.threshold_s is None) == (not self.bad_outcomes):
            raise ValueError(f"{self.name}: give either threshold_s or bad_outcomes")
        if self.threshold_s is not None and self.threshold_s not in self.source.buckets:
            raise ValueError(f"{self.name}: {self.threshold_s} s is no bucket bound of {self.metric}")
        return self


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    objectives: tuple[Objective, ...] = Field(min_length=1)


def read_objectives(path: Path = SLO_FILE) -> tuple[Objective, ...]:
    """Read every objective.

    Raises:
        pydantic.ValidationError: an unknown key or metric, or a threshold that is no bucket bound.
    """
    return _Document.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).objectives
