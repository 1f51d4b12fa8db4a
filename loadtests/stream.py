"""Reads the event stream of one report and says when its parts came; knows neither Locust nor HTTP."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

SECTIONS = ("findings", "impression")


class ReportFailed(Exception):
    """The stream did not end with a whole report; the message begins with the problem's code."""


def read_report(chunks: Iterable[bytes], clock_s: Callable[[], float]) -> Iterator[tuple[str, float]]:
    """Yield ("time-to-first-token", now) and ("time-to-report", now) as they come.

    Raises:
        ReportFailed: an error event, a stream that ends early, or a report that lacks a section or the disclaimer.
    """
    has_text = False
    for name, data in _events(_lines(chunks)):
        if name == "error":
            raise ReportFailed(f"{data.get('code', 'unknown')}: {data.get('detail', '')}")
        if name.endswith(".delta") and not has_text:
            has_text = True
            yield "time-to-first-token", clock_s()
        if name == "report":
            _require_whole(data)
            yield "time-to-report", clock_s()
            return
    raise ReportFailed("incomplete: the stream ended before the report")


def _require_whole(report: dict[str, Any]) -> None:
    missing = [name for name in SECTIONS if not report.get(name, {}).get("text", "").strip()]
    if not report.get("disclaimer", "").strip():
        missing.append("disclaimer")
    if missing:
        raise ReportFailed(f"hollow: the report has no {' and no '.join(missing)}")


def _events(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Assemble server-sent events; comments and events without data are passed over."""
    name, data = "", list[str]()
    for line in lines:
        field, _, value = line.partition(":")
        if not line:
            if data:
                yield name, json.loads("\n".join(data))
            name, data = "", []
        elif field == "event":
            name = value.removeprefix(" ")
        elif field == "data":
            data.append(value.removeprefix(" "))


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Cut lines that end in LF or CRLF, wherever the network cut the chunks."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.removesuffix(b"\r").decode() for line in whole)
