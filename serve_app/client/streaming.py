"""A small client of the HTTP API: post one image, read the report's events as they come."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import EventSource, SSEError

DEFAULT_URL = "http://127.0.0.1:8000"
# Between two events lies at most one prefill; the server ends a report at its own deadline.
_TIMEOUT = httpx.Timeout(300.0, connect=5.0)
_CUT_OFF = "the answer ended before the report was whole"


class ReportFailed(Exception):
    """The platform did not make a report; `code` is the problem document's."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def stream_report(url: str, image: Path, fields: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (event name, data) of one report; the last is ("report", the whole report).

    Raises:
        ReportFailed: refused, unavailable, unreachable, cut off before the report was whole, or not the platform.
    """
    has_answered = False
    try:
        with httpx.Client(base_url=url, timeout=_TIMEOUT, trust_env=False) as client, image.open("rb") as file:
            request = client.stream(
                "POST", "/v1/reports", files={"image": file}, data=fields, headers={"Accept": "text/event-stream"}
            )
            with request as response:
                has_answered = True
                yield from _events(response)
    except SSEError as error:
        raise ReportFailed(f"what answers at {url} is not the platform", "not-the-platform") from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        if has_answered:
            raise ReportFailed(_CUT_OFF, "incomplete") from error
        raise ReportFailed(f"no answer from {url}: is the platform up?", "unreachable") from error


def _events(response: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    if response.status_code != httpx.codes.OK:
        response.read()
        raise _failure(_object(response.text) or {}, response)
    for event in EventSource(response).iter_sse():
        data = _object(event.data or "{}")
        if data is None:
            raise SSEError(f"the data of {event.event} are no JSON object")
        if event.event == "error":
            raise _failure(data, response)
        yield event.event, data
        if event.event == "report":
            return
    raise ReportFailed(_CUT_OFF, "incomplete")


def _failure(problem: dict[str, Any], response: httpx.Response) -> ReportFailed:
    """Read a problem document; something between us and the platform may have answered with another."""
    return ReportFailed(
        str(problem.get("detail") or response.reason_phrase), str(problem.get("code") or f"http-{response.status_code}")
    )


def _object(text: str) -> dict[str, Any] | None:
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None
