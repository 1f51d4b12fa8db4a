"""The API guide names every field, event and error of the contract."""

import re
from typing import Any

from serve_app.domain import errors
from serve_app.domain.report import Concern, ConcernCode, ConcernSeverity, Place, SectionName
from tests.api.conftest import open_door
from tests.docs.pages import ROOT, Row, rows

PAGE = ROOT / "docs" / "api.md"
DOCUMENT: dict[str, Any] = open_door().app.openapi()
OPERATION = DOCUMENT["paths"]["/v1/reports"]["post"]


def stated(header_width: int, kind: str) -> list[Row]:
    """Rows of one width whose first cell is a single word."""
    return [row for row in rows(PAGE) if len(row.cells) == header_width and re.fullmatch(kind, row.cells[0].text)]


def test_every_field_of_the_form_is_there() -> None:
    reference = OPERATION["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"]
    fields = set(DOCUMENT["components"]["schemas"][reference.rsplit("/", 1)[-1]]["properties"])

    assert fields <= {row.cells[0].text for row in stated(2, r"\w+")}


def test_every_event_is_there() -> None:
    example = OPERATION["responses"]["200"]["content"]["text/event-stream"]["example"]

    assert set(re.findall(r"^event: (\S+)", example, re.MULTILINE)) <= {row.cells[0].text for row in rows(PAGE)}


def test_every_concern_is_there_with_its_severity() -> None:
    place = Place(SectionName.FINDINGS, 0, 1)
    concerns = {(code.value, Concern(code, place).severity.value) for code in ConcernCode}

    assert concerns == {
        (row.cells[0].text, row.cells[1].text) for row in rows(PAGE) if row.cells[1].text in {*ConcernSeverity}
    }


def test_every_error_is_there_with_its_status() -> None:
    documented = {
        (code, int(status))
        for status, response in OPERATION["responses"].items()
        for content in response["content"].values()
        for code in content.get("examples", {})
    }
    listed = {
        (row.cells[0].text, int(row.cells[1].text)) for row in stated(3, r"[a-z-]+") if row.cells[1].text.isdigit()
    }
    known = {
        kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ClaraError)
    }

    assert documented <= listed
    assert {code for code, _ in listed - documented} <= known
