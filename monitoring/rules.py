"""Rules as data: what is recorded, what alerts, and how Prometheus wants it written."""

from dataclasses import dataclass, field
from typing import Any, Literal

RUNBOOKS = "monitoring/runbooks"


@dataclass(frozen=True, slots=True)
class Record:
    """A series that Prometheus computes from others; `labels` are added to it."""

    name: str
    expr: str
    labels: dict[str, str] = field(default_factory=dict)

    def as_rule(self) -> dict[str, Any]:
        return {"record": self.name, "expr": self.expr, "labels": self.labels}


@dataclass(frozen=True, slots=True)
class Alert:
    """What someone is told when `expr` has had a result for `hold`. Its runbook has its name.

    Summary and description go to chat and telephones: labels and numbers only, nothing of a patient.
    """

    name: str
    severity: Literal["page", "ticket"]
    expr: str
    summary: str
    description: str
    hold: str = "0m"
    labels: dict[str, str] = field(default_factory=dict)

    def as_rule(self) -> dict[str, Any]:
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.hold,
            "labels": {"severity": self.severity, **self.labels},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOKS}/{self.name}.md",
            },
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that Prometheus evaluates one after another, so that an alert sees what was just recorded."""

    name: str
    rules: tuple[Record | Alert, ...]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return tuple(rule for rule in self.rules if isinstance(rule, Alert))


def rules_file(groups: tuple[Group, ...]) -> dict[str, Any]:
    """Write groups in Prometheus' terms."""
    return {"groups": [{"name": group.name, "rules": [rule.as_rule() for rule in group.rules]} for group in groups]}
