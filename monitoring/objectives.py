"""Reads slo.yaml and rejects an objective that its metric cannot measure."""

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from serve_app.domain.metric import Metric
from serve_app.telemetry.metrics import METRICS, VALID_OUTCOMES

SLO_FILE = Path(__file__).parent / "slo.yaml"
_UNIT_S = {"m": 60, "h": 3600, "d": 86400}


class Objective(BaseModel):
    """One objective: the share of valid reports without a bad outcome, or the share that stays below a time."""

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
        """The metric that measures this objective."""
        return next(metric for metric in METRICS if metric.name == self.metric)

    @model_validator(mode="after")
    def _is_countable(self) -> Self:
        if self.metric not in {metric.name for metric in METRICS}:
            raise ValueError(f"{self.name}: no metric is named {self.metric}")
        if (self.threshold_s is None) == (not self.bad_outcomes):
            raise ValueError(f"{self.name}: give either threshold_s or bad_outcomes")
        if invalid := set(self.bad_outcomes) - set(VALID_OUTCOMES):
            raise ValueError(f"{self.name}: not the outcome of a valid request: {', '.join(sorted(invalid))}")
        if self.threshold_s is not None and self.threshold_s not in self.source.buckets:
            raise ValueError(f"{self.name}: {self.threshold_s} s is not a bucket bound of {self.metric}")
        return self


class Burn(BaseModel):
    """An alert condition: `spent_ratio` of an objective's error budget was spent within `long`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    severity: Literal["page", "ticket"]
    long: str = Field(pattern=r"^[0-9]+[mhd]$")
    short: str = Field(pattern=r"^[0-9]+[mhd]$")
    spent_ratio: float = Field(gt=0, lt=1)

    def factor(self, objective: Objective) -> float:
        """Compute how many times faster than allowed the budget is spent."""
        return round(self.spent_ratio * window_s(objective.window) / window_s(self.long), 6)

    @model_validator(mode="after")
    def _is_long_longer(self) -> Self:
        if window_s(self.short) >= window_s(self.long):
            raise ValueError(f"{self.short} is not shorter than {self.long}")
        return self


class Slo(BaseModel):
    """The content of slo.yaml."""

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
    """Convert a Prometheus duration such as `6h` to seconds."""
    return int(window[:-1]) * _UNIT_S[window[-1]]


def read_slo(path: Path = SLO_FILE) -> Slo:
    """Read the objectives and their alert conditions.

    Raises:
        pydantic.ValidationError: an unknown key or metric, a threshold that is not a bucket bound, or a burn that can
            never fire.
    """
    return Slo.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def read_objectives(path: Path = SLO_FILE) -> tuple[Objective, ...]:
    """Read the objectives without their alert conditions."""
    return read_slo(path).objectives
