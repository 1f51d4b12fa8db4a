"""A client of CLARA's HTTP API. It imports nothing else of `serve_app`."""

from .streaming import DEFAULT_URL, ReportFailed, stream_report

__all__ = ["DEFAULT_URL", "ReportFailed", "stream_report"]
