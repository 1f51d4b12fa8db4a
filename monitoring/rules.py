"""Recording rules and alerts as data, and their rendering as a Prometheus rules file."""

from dataclasses import dataclass, field
from typing import Any, Literal

RUNBOOKS = "monitoring/runbooks"


@dataclass(frozen=True, slots=True)
class Record:
    """A series that Prometheus computes from others and stores with these extra `labels`."""

    name: str
    expr: str
    labels: dict[str, str] = field(default_factory=dict)

    def as_rule(self) -> dict[str, Any]:
        return {"record": self.name, "expr": self.expr, "labels": self.labels}


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that fires once `expr` has had a result for `hold`. Its runbook has the same name.

    Summary and description are sent to chats and phones: labels and numbers only, no patient data.
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
    """Rules that Prometheus evaluates in order, so that an alert reads values recorded in the same round."""

    name: str
    rules: tuple[Record | Alert, ...]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return tuple(rule for rule in self.rules if isinstance(rule, Alert))


def rules_file(groups: tuple[Group, ...]) -> dict[str, Any]:
    """Render groups as the content of a Prometheus rules file."""
    return {"groups": [{"name": group.name, "rules": [rule.as_rule() for rule in group.rules]} for group in groups]}
