"""Every patient gives a well-formed question, and nothing else reaches it."""

import itertools
import re

import pytest

from serve_app.domain.study import Patient, Sex, View
from serve_app.reasoning.prompts import PROMPTS

CLARA_VI_1 = PROMPTS["clara-vi-1"]


def test_the_first_versions_wording_is_kept() -> None:
    question = CLARA_VI_1.findings_question(Patient(Sex.MALE, 84), [View.PA])

    assert question == "Ảnh chụp X-ray Chụp Xquang tim phổi thẳng bệnh nhân Nam, 84 tuổi. Cho biết bệnh nhân bị gì?"
    assert CLARA_VI_1.impression_question() == "Kết luận từ thông tin trên bệnh nhân bị gì?"


@pytest.mark.parametrize(
    "patient", [Patient(*fields) for fields in itertools.product([None, *Sex], [None, 0, 63, 120])]
)
@pytest.mark.parametrize("view", [None, *View])
def test_question_is_well_formed_for_every_patient(patient: Patient, view: View | None) -> None:
    question = CLARA_VI_1.findings_question(patient, [view])

    assert not re.search(r"\s{2}|\s[.,]|,\.|\{|None|bệnh nhân\.", question)
    assert ("nghiêng" in question) == (view is View.LATERAL)
    assert ("tuổi" in question) == (patient.age_years is not None)
    assert ("Nữ" in question) == (patient.sex is Sex.FEMALE)
    assert question.endswith(". Cho biết bệnh nhân bị gì?")


def test_several_images_are_named_by_their_projections_once_each() -> None:
    question = CLARA_VI_1.findings_question(Patient(), [View.PA, View.LATERAL, View.AP])

    assert question == "Ảnh chụp X-ray Chụp Xquang tim phổi thẳng và nghiêng. Cho biết bệnh nhân bị gì?"
