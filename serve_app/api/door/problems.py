"""Errors as the client sees them: RFC 9457 problem documents, and the only place where an error has a status.

Nothing of an error reaches the client but the class, `message` and `facts` of our own tree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from serve_app.api.door.negotiation import prefers_vietnamese
from serve_app.api.door.vietnamese import TITLES
from serve_app.client.schemas import Problem
from serve_app.domain.errors import (
    BadRequest,
    ClaraError,
    CorruptImage,
    DeadlineExceeded,
    DraftingStopped,
    Forbidden,
    IncompleteReport,
    InvalidPatient,
    InvalidStudy,
    InvalidToken,
    KeyReused,
    NeedsConfirmation,
    NotAnImage,
    NotFound,
    QuotaExceeded,
    Refused,
    Unauthenticated,
    Unavailable,
    UnsupportedImage,
    UnsupportedStudy,
    UploadTooLarge,
)
from serve_app.telemetry.logs import Event, Log

PROBLEM_JSON = "application/problem+json"

T = TypeVar("T")

log = Log(__name__)

# An error has the status of the nearest class of its ancestry that is named here.
STATUS: Mapping[type[ClaraError], int] = {
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    QuotaExceeded: 429,
    BadRequest: 400,
    InvalidPatient: 422,
    InvalidStudy: 422,
    KeyReused: 422,
    UnsupportedStudy: 422,
    NotAnImage: 415,
    CorruptImage: 422,
    UnsupportedImage: 415,
    UploadTooLarge: 413,
    Refused: 422,
    NeedsConfirmation: 409,
    DraftingStopped: 503,
    Unavailable: 503,
    DeadlineExceeded: 504,
    IncompleteReport: 502,
}
_OUTCOME: Mapping[type[ClaraError], str] = {
    Unauthenticated: "denied",
    Forbidden: "denied",
    NotFound: "bad_request",
    QuotaExceeded: "limited",
    BadRequest: "bad_request",
    Refused: "refused",
    DraftingStopped: "refused",
    Unavailable: "unavailable",
}
CONFIRMATION_HINT = "To confirm the image, send it to POST /v1/reports with the form field confirm=true."
CORRECTION_HINT = "To have it corrected, send it to POST /v1/reports with the form field correct=true."
INTERNAL_DETAIL = "The service made a mistake. Quote the request id when you report it."
INVALID_FORM_DETAIL = "A form field is missing or has a value of the wrong kind; facts names the fields."

# The first version's clients read {"error": message}.
FIRST_VERSION_PATHS = frozenset({"/predict", "/health"})
# Ours reach the client at most two handles away, each adding one wrapper.
_MAX_WRAPPERS = 8


@dataclass(frozen=True, slots=True)
class Failure:
    """A problem with what surrounds it: how the request is counted and the headers of the answer."""

    problem: Problem
    outcome: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, scope: Scope) -> Response:
        """Write the problem in the shape that the route's clients understand."""
        status = self.problem.status
        if scope["path"] in FIRST_VERSION_PATHS:
            return JSONResponse({"error": self.problem.detail}, status, self.headers)
        return JSONResponse(self.problem_for(scope).model_dump(), status, self.headers, media_type=PROBLEM_JSON)

    def problem_for(self, scope: Scope) -> Problem:
        """Give the problem its title in the client's language."""
        if not prefers_vietnamese(Headers(scope=scope).get("accept-language")):
            return self.problem
        return self.problem.model_copy(update={"title": TITLES.get(self.problem.code, self.problem.title)})


def failure_of(exc: BaseException, request_id: str) -> Failure:
    """Describe any exception as far as a client may know it."""
    # FastAPI turns what is raised while it reads a body into a bare 400; what happened is the cause.
    cause = exc.__cause__ if isinstance(exc, HTTPException) and exc.__cause__ is not None else exc
    ours = clara_error(cause)
    if ours is not None and nearest(STATUS, type(ours)) is not None:
        return _known(ours, request_id)
    if isinstance(cause, ClientDisconnect):
        return _failure(499, "client-gone", "The client left.", "The client left.", request_id, "client_gone")
    if isinstance(exc, RequestValidationError):
        facts = {str(error["loc"][-1]): str(error["type"]) for error in exc.errors()}
        return _failure(
            422, "invalid-form", "The form is not valid.", INVALID_FORM_DETAIL, request_id, "bad_request", facts
        )
    if isinstance(exc, HTTPException):
        return _http(exc, request_id)
    return _failure(500, "internal-error", "Internal error.", INTERNAL_DETAIL, request_id, "error")


def clara_error(exc: BaseException | None) -> ClaraError | None:
    """Find the error of our tree in an exception that crossed Ray handles.

    There it is an instance of our class too, but its arguments and text are Ray's; the original is its `cause`.
    """
    found = None
    for _ in range(_MAX_WRAPPERS):
        if isinstance(exc, ClaraError):
            found = exc
        exc = getattr(exc, "cause", None)
    return found


def nearest(table: Mapping[type[ClaraError], T], kind: type) -> T | None:
    """Look up the nearest ancestor of a class."""
    return next((table[ancestor] for ancestor in kind.__mro__ if ancestor in table), None)


def request_id_of(scope: Scope) -> str:
    """Read the id that `middleware.RequestContext` gave the request."""
    return str(scope.get("state", {}).get("request_id", ""))


def settle(scope: Scope, exc: BaseException) -> Failure:
    """Choose the answer to a failed request, record its outcome unless it has one, and log it if it is a bug."""
    failure = failure_of(exc, request_id_of(scope))
    scope["state"].setdefault("outcome", failure.outcome)
    if failure.outcome == "error":
        log.error(Event.UNEXPECTED, error=exc, request_id=failure.problem.request_id)
    return failure


async def answer(request: Request, exc: Exception) -> Response:
    """Answer a request with what went wrong."""
    return settle(request.scope, exc).response(request.scope)


def register(app: FastAPI) -> None:
    """Answer every expected error with a problem; what is not expected is `middleware.LastResort`'s."""
    for kind in (ClaraError, RequestValidationError, HTTPException, ClientDisconnect):
        app.add_exception_handler(kind, answer)


def _known(error: ClaraError, request_id: str) -> Failure:
    status = nearest(STATUS, type(error)) or 500
    detail = error.message or _sentence(type(error))
    if isinstance(error, Refused):
        hints = (CORRECTION_HINT, CONFIRMATION_HINT) if error.remedy else (CONFIRMATION_HINT,)
        detail = " ".join((f"{detail.rstrip('.')}.", *hints))
    outcome = nearest(_OUTCOME, type(error)) or "error"
    return _failure(
        status, error.code, _sentence(type(error)), detail, request_id, outcome, error.facts, _headers(error, status)
    )


def _headers(error: ClaraError, status: int) -> dict[str, str]:
    """Write what the status asks for. Source: RFC 9110, sections 10.2.3 and 11.6.1; RFC 6750, section 3."""
    match error:
        case QuotaExceeded():
            return {"Retry-After": str(error.retry_after_s)}
        case Unavailable() if status == 503:
            return {"Retry-After": str(error.retry_after_s)}
        case InvalidToken():
            challenge = f'Bearer realm="clara", error="invalid_token", error_description="{error.message}"'
            return {"WWW-Authenticate": challenge}
        case Unauthenticated():
            return {"WWW-Authenticate": 'Bearer realm="clara"'}
        case Forbidden():
            return {
                "WWW-Authenticate": f'Bearer realm="clara", error="insufficient_scope", scope="{error.facts["scope"]}"'
            }
    return {}


def _http(exc: HTTPException, request_id: str) -> Failure:
    status = HTTPStatus(exc.status_code)
    outcome = "bad_request" if status < 500 else "error"
    code = status.phrase.lower().replace(" ", "-")
    return _failure(status, code, status.phrase, str(exc.detail), request_id, outcome, headers=exc.headers)


def _sentence(kind: type[ClaraError]) -> str:
    return (kind.__doc__ or kind.code).strip().splitlines()[0]


def _failure(
    status: int,
    code: str,
    title: str,
    detail: str,
    request_id: str,
    outcome: str,
    facts: Mapping[str, str | int | float] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Failure:
    problem = Problem(
        type=f"urn:clara:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        request_id=request_id,
        facts=dict(facts or {}),
    )
    return Failure(problem, outcome, dict(headers or {}))
