"""Alerts on objectives whose error budget burns too fast, over a long and a short window at once.

Source: The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
"""

from monitoring.objectives import Burn, Objective, Promises, window_s
from monitoring.queries import RELEASE, bad_rate, event_rate
from monitoring.rules import Alert, Group, Record

_RATE = "clara:bad_reports:rate{window}"
_SHARE = "clara:bad_reports:ratio_rate{window}"


def burns(promises: Promises) -> Group:
    """Record each objective's bad reports over every window, then compare."""
    windows = sorted({window for burn in promises.burns for window in (burn.long, burn.short)}, key=window_s)
    records = [
        record for objective in promises.objectives for window in windows for record in _records(objective, window)
    ]
    alerts = [
        _alert(objective, burn, promises.min_bad_reports)
        for objective in promises.objectives
        for burn in promises.burns
    ]
    return Group("clara-objectives", (*records, *alerts))


def _records(objective: Objective, window: str) -> tuple[Record, Record]:
    labels = {"objective": objective.name}
    rate = _RATE.format(window=window)
    # `> 0`: without a report in the window there is no share, rather than one that is no number.
    share = f"{_recorded(_RATE, objective, window)} / ignoring (objective) ({event_rate(objective, window)} > 0)"
    return (
        Record(rate, bad_rate(objective, window), labels),
        Record(_SHARE.format(window=window), share, labels),
    )


def _alert(objective: Objective, burn: Burn, min_bad_reports: int) -> Alert:
    limit = round(burn.factor(objective) * (1 - objective.target_ratio), 6)
    expr = (
        f"{_recorded(_SHARE, objective, burn.long)} > {limit:g}\n"
        f"and {_recorded(_SHARE, objective, burn.short)} > {limit:g}\n"
        f"and {_recorded(_RATE, objective, burn.long)} * {window_s(burn.long)} >= {min_bad_reports}"
    )
    return Alert(
        _name(objective),
        burn.severity,
        expr,
        f"{objective.name}: {burn.spent_ratio * 100:g} % of the {objective.window} error budget spent in {burn.long}",
        f"{{{{ $value | humanizePercentage }}}} of reports in the last {burn.long} missed this objective, and the burn "
        f"continues. The objective: {objective.claim} First check whether it began with an upgrade.",
        labels={"objective": objective.name, "window": burn.long},
    )


def _name(objective: Objective) -> str:
    return f"Clara{''.join(word.capitalize() for word in objective.name.split('-'))}Burns"


def _recorded(name: str, objective: Objective, window: str) -> str:
    return f'{name.format(window=window)}{{{RELEASE.selector},objective="{objective.name}"}}'
