"""Reads slo.yaml, and refuses an objective that its metric cannot answer."""

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from serve_app.domain.metric import Metric
from serve_app.telemetry.metrics import METRICS

SLO_FILE = Path(__file__).parent / "slo.yaml"
_UNIT_S = {"m": 60, "h": 3600, "d": 86400}


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


class Burn(BaseModel):
    """When an objective is being broken: `spent_ratio` of its window's budget went within `long`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    severity: Literal["page", "ticket"]
    long: str = Field(pattern=r"^[0-9]+[mhd]$")
    short: str = Field(pattern=r"^[0-9]+[mhd]$")
    spent_ratio: float = Field(gt=0, lt=1)

    def factor(self, objective: Objective) -> float:
        """How many times faster than allowed the budget is spent."""
        return round(self.spent_ratio * window_s(objective.window) / window_s(self.long), 6)

    @model_validator(mode="after")
    def _is_long_longer(self) -> Self:
        if window_s(self.short) >= window_s(self.long):
            raise ValueError(f"{self.short} is not shorter than {self.long}")
        return self


class Promises(BaseModel):
    """Everything in slo.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    objectives: tuple[Objective, ...] = Field(min_length=1)
    burns: tuple[Burn, ...] = Field(min_length=1)
    min_bad_reports: int = Field(ge=1)

    @model_validator(mode="after")
    def _can_fire(self) -> Self:
        for objective in self.objectives:
            for burn in self.burns:
                if burn.factor(objective) * (1 - objective.target_ratio) >= 1:
                    raise ValueError(
                        f"{objective.name}: nothing spends {burn.spent_ratio:g} of its budget in {burn.long}"
                    )
        return self


def window_s(window: str) -> int:
    """Read a window as Prometheus writes it."""
    return int(window[:-1]) * _UNIT_S[window[-1]]


def read_promises(path: Path = SLO_FILE) -> Promises:
    """Read the objectives and when to say that one is being broken.

    Raises:
        pydantic.ValidationError: an unknown key or metric, a threshold that is no bucket bound, a burn out of reach.
    """
    return Promises.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def read_objectives(path: Path = SLO_FILE) -> tuple[Objective, ...]:
    """Read the objectives alone."""
    return read_promises(path).objectives
