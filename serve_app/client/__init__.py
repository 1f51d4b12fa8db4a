"""A client of CLARA's HTTP API; published by itself as `clara_client`, so it imports nothing else of `serve_app`."""

from .asynchronous import AsyncClient, AsyncReportStream
from .connection import ConnectionOptions
from .errors import ClientError, DeadlineExceeded, IncompleteAnswer, ProblemError, UnexpectedAnswer, Unreachable
from .events import Event, Prepared, ReportDone, SectionDelta, SectionDone
from .form import DEFAULT_DEADLINE_S, Image, ImageSource, ReportOptions
from .retries import MAX_RETRIES
from .schemas import (
    PreparedBody,
    Problem,
    ReadinessBody,
    ReportBody,
    SectionDoneBody,
    SectionName,
    SectionStatus,
    Sex,
    VersionBody,
    View,
)
from .synchronous import Client, ReportStream

DEFAULT_URL = "http://127.0.0.1:8000"
"""Where `clara up` listens."""

__all__ = [
    "DEFAULT_DEADLINE_S",
    "DEFAULT_URL",
    "MAX_RETRIES",
    "AsyncClient",
    "AsyncReportStream",
    "Client",
    "ClientError",
    "ConnectionOptions",
    "DeadlineExceeded",
    "Event",
    "Image",
    "ImageSource",
    "IncompleteAnswer",
    "Prepared",
    "PreparedBody",
    "Problem",
    "ProblemError",
    "ReadinessBody",
    "ReportBody",
    "ReportDone",
    "ReportOptions",
    "ReportStream",
    "SectionDelta",
    "SectionDone",
    "SectionDoneBody",
    "SectionName",
    "SectionStatus",
    "Sex",
    "UnexpectedAnswer",
    "Unreachable",
    "VersionBody",
    "View",
]
