"""Reads whole answers: the wire models, and problem documents whoever wrote them."""

import json
from typing import Any, TypeVar

from pydantic import ValidationError

from .errors import UnexpectedAnswer
from .schemas import Body, Problem

AnyBody = TypeVar("AnyBody", bound=Body)


def parsed(model: type[AnyBody], content: str | bytes, request_id: str = "") -> AnyBody:
    """Read a JSON document.

    Raises:
        UnexpectedAnswer: it does not fit the model; the message names the fields and repeats no value.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        fields = {".".join(map(str, one["loc"])) for one in error.errors(include_input=False)} - {""}
        where = f": {', '.join(sorted(fields))}" if fields else ""
        # Not chained: pydantic's error repeats the values, which may be the patient's.
        raise UnexpectedAnswer(f"the answer is not one of the platform's{where}", request_id) from None


def problem_of(content: str | bytes, status: int, reason: str, request_id: str = "") -> Problem:
    """Read a problem document; where something else answered, make one of the HTTP status and its reason."""
    try:
        return Problem.model_validate_json(content)
    except ValidationError:
        found = _object(content)
    code, detail = found.get("code"), found.get("detail")
    return Problem(
        type="about:blank",
        title=reason,
        status=status,
        detail=detail if isinstance(detail, str) and detail else reason,
        code=code if isinstance(code, str) and code else f"http-{status}",
        request_id=request_id,
    )


def _object(content: str | bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
