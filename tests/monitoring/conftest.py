"""Every query of the dashboard, and every rule."""

import pytest

from monitoring.build import groups
from monitoring.panels import Panel, rows
from monitoring.rules import Alert


@pytest.fixture(scope="session")
def panels() -> list[Panel]:
    return [panel for row in rows() for panel in row.panels]


@pytest.fixture(scope="session")
def queries(panels: list[Panel]) -> list[str]:
    return [query.expr for panel in panels for query in panel.queries]


@pytest.fixture(scope="session")
def alerts() -> list[Alert]:
    return [alert for group in groups() for alert in group.alerts]


@pytest.fixture(scope="session")
def expressions(queries: list[str]) -> list[str]:
    """All PromQL: what the dashboard asks and what the rules compute."""
    return queries + [rule.expr for group in groups() for rule in group.rules]
