"""The wire's words are the domain's: the client may not import them, so they are compared here."""

from enum import StrEnum
from typing import get_args

import pytest

from serve_app.client import administration, schemas
from serve_app.domain import call, radiograph, report, study


@pytest.mark.parametrize(
    ("wire", "domain"),
    [
        (administration.Scope, call.Scope),
        (schemas.Sex, study.Sex),
        (schemas.View, study.View),
        (schemas.Origin, study.Origin),
        (schemas.SectionName, report.SectionName),
        (schemas.SectionStatus, report.SectionStatus),
    ],
)
def test_the_wire_has_the_domains_words(wire: type[StrEnum], domain: type[StrEnum]) -> None:
    assert {member.name: member.value for member in wire} == {member.name: member.value for member in domain}


@pytest.mark.parametrize(
    ("body", "field", "domain"),
    [
        (schemas.GateBody, "outcome", radiograph.GateOutcome),
        (schemas.ReportedImageBody, "role", study.ImageRole),
        (schemas.ConcernBody, "severity", report.ConcernSeverity),
    ],
)
def test_a_field_of_few_words_has_the_domains(body: type[schemas.Body], field: str, domain: type[StrEnum]) -> None:
    words = get_args(body.model_fields[field].annotation)
    assert set(words) == {member.value for member in domain}
