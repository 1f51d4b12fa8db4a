"""The wire's words are the domain's: the client may not import them, so they are compared here."""

from enum import StrEnum
from typing import get_args

import pytest

from serve_app.client import schemas
from serve_app.domain import radiograph, report, study


@pytest.mark.parametrize(
    ("wire", "domain"),
    [
        (schemas.Sex, study.Sex),
        (schemas.View, study.View),
        (schemas.SectionName, report.SectionName),
        (schemas.SectionStatus, report.SectionStatus),
    ],
)
def test_the_wire_has_the_domains_words(wire: type[StrEnum], domain: type[StrEnum]) -> None:
    assert {member.name: member.value for member in wire} == {member.name: member.value for member in domain}


def test_the_wire_has_every_outcome_of_the_gate() -> None:
    words = get_args(schemas.GateBody.model_fields["outcome"].annotation)
    assert set(words) == {outcome.value for outcome in radiograph.GateOutcome}
