"""A client of CLARA's HTTP API; published by itself as `clara_client`, so it imports nothing else of `serve_app`."""

from .asynchronous import AsyncClient, AsyncReportStream, Connection
from .errors import ClientError, DeadlineExceeded, IncompleteAnswer, ProblemError, UnexpectedAnswer, Unreachable
from .events import Event, Prepared, ReportDone, SectionDelta, SectionDone
from .form import DEFAULT_DEADLINE_S, Asked, Image, ImageSource
from .retries import DEFAULT_MAX_RETRIES
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
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_URL",
    "Asked",
    "AsyncClient",
    "AsyncReportStream",
    "Client",
    "ClientError",
    "Connection",
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
