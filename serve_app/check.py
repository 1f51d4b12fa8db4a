"""Asks a running platform for one report and verifies that it is a whole draft: `clara check`, and so `helm test`."""

import time
from pathlib import Path

from serve_app.client import Client, ClientError, ConnectionOptions, ProblemError, ReportBody

_AGE_YEARS = 63
_PAUSE_S = 2.0


class CheckFailed(Exception):
    """The platform did not make a whole draft; the message is a sentence."""


def check_platform(url: str, image: Path, connection: ConnectionOptions, wait_s: float, timeout_s: float) -> ReportBody:
    """Wait until the platform is ready, ask once, and return a whole draft.

    Raises:
        CheckFailed: it was not ready in time, refused, or answered with less.
    """
    try:
        with Client(url, **connection) as client:
            _wait_until_ready(client, url, wait_s)
            report = client.report(image, age=_AGE_YEARS, sex="nam", view="PA", deadline_s=timeout_s)
    except ProblemError as error:
        raise CheckFailed(f"Refused with {error.problem.status}: {error.code}: {error}") from error
    except ClientError as error:
        raise CheckFailed(f"No report: {error}") from error
    if found := faults(report):
        raise CheckFailed(" ".join(found))
    return report


def faults(report: ReportBody) -> list[str]:
    """Say in sentences what a report lacks; nothing where it is whole."""
    found = []
    for name, section in (("findings", report.findings), ("impression", report.impression)):
        if not section.text.strip():
            found.append(f"The {name} are empty.")
        elif section.status != "complete":
            found.append(f"The {name} are {section.status}, not complete.")
    if not report.disclaimer:
        found.append("It carries no disclaimer.")
    if report.patient.age_years != _AGE_YEARS:
        found.append("The patient's age is not the one that was sent.")
    return found


def _wait_until_ready(client: Client, url: str, wait_s: float) -> None:
    end_s = time.monotonic() + wait_s
    while (lack := _lack(client)) is not None:
        if time.monotonic() > end_s:
            raise CheckFailed(f"{url} is not ready after {wait_s:g} s. {lack}".rstrip())
        time.sleep(min(_PAUSE_S, wait_s))


def _lack(client: Client) -> str | None:
    """Ask why no report can be made; None where one can."""
    try:
        answered = client.readiness()
    except ClientError as error:
        return str(error)
    return None if answered.status == "ready" else answered.detail
