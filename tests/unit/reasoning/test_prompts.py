"""Every patient gives a well-formed question, and nothing else reaches it."""

import itertools
import re

import pytest

from serve_app.domain.study import Age, AgeUnit, Patient, Sex, View
from serve_app.reasoning.prompts import PROMPTS

CLARA_VI_1 = PROMPTS["clara-vi-1"]


def test_the_first_versions_wording_is_kept() -> None:
    question = CLARA_VI_1.findings_question(Patient(Sex.MALE, Age(84)), [View.PA])

    assert question == "Ảnh chụp X-ray Chụp Xquang tim phổi thẳng bệnh nhân Nam, 84 tuổi. Cho biết bệnh nhân bị gì?"
    assert CLARA_VI_1.impression_question() == "Kết luận từ thông tin trên bệnh nhân bị gì?"


@pytest.mark.parametrize(
    "patient",
    [
        Patient(*fields)
        for fields in itertools.product([None, *Sex], [None, Age(0), Age(63), Age(120), Age(6, AgeUnit.DAYS)])
    ],
)
@pytest.mark.parametrize("view", [None, *View])
def test_question_is_well_formed_for_every_patient(patient: Patient, view: View | None) -> None:
    question = CLARA_VI_1.findings_question(patient, [view])

    assert not re.search(r"\s{2}|\s[.,]|,\.|\{|None|bệnh nhân\.", question)
    assert ("nghiêng" in question) == (view is View.LATERAL)
    assert ("tuổi" in question) == (patient.age_years is not None)
    assert ("Nữ" in question) == (patient.sex is Sex.FEMALE)
    assert question.endswith(". Cho biết bệnh nhân bị gì?")


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (Age(1), "1 tuổi"),
        (Age(6, AgeUnit.MONTHS), "6 tháng tuổi"),
        (Age(10, AgeUnit.WEEKS), "10 tuần tuổi"),
        (Age(3, AgeUnit.DAYS), "3 ngày tuổi"),
    ],
)
def test_a_small_childs_age_is_told_in_its_unit(age: Age, words: str) -> None:
    assert f" bệnh nhân Nữ, {words}. " in CLARA_VI_1.findings_question(Patient(Sex.FEMALE, age))


def test_a_sex_without_a_word_is_left_out() -> None:
    question = CLARA_VI_1.findings_question(Patient(Sex.OTHER, Age(63)))

    assert question == CLARA_VI_1.findings_question(Patient(None, Age(63)))


def test_this_version_asks_for_every_frontal_view_in_the_same_words() -> None:
    frontal = {CLARA_VI_1.findings_question(Patient(), [view]) for view in (None, View.PA, View.AP, View.FRONTAL)}

    assert len(frontal) == 1


def test_several_images_are_named_by_their_projections_once_each() -> None:
    question = CLARA_VI_1.findings_question(Patient(), [View.PA, View.LATERAL, View.AP])

    assert question == "Ảnh chụp X-ray Chụp Xquang tim phổi thẳng và nghiêng. Cho biết bệnh nhân bị gì?"
