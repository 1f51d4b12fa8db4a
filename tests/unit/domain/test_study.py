"""A form's words become a patient or a refusal that does not repeat them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.errors import InvalidPatient, InvalidStudy
from serve_app.domain.study import ImageRole, Patient, Sex, Study, StudyImage, View, parse_patient, parse_view


@pytest.mark.parametrize(
    ("sex", "age", "view", "patient"),
    [
        ("Nam", "84", "PA", (Patient(Sex.MALE, 84), View.PA)),
        ("nữ", " 7 ", "Lateral", (Patient(Sex.FEMALE, 7), View.LATERAL)),
        ("F", "0", "ap", (Patient(Sex.FEMALE, 0), View.AP)),
        (None, None, None, (Patient(), None)),
        ("", " ", "", (Patient(), None)),
    ],
)
def test_words_are_understood(
    sex: str | None, age: str | None, view: str | None, patient: tuple[Patient, View | None]
) -> None:
    assert (parse_patient(sex, age), parse_view(view)) == patient


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_vietnamese_words_are_understood_in_either_spelling_of_unicode(form: str) -> None:
    sex, view = (unicodedata.normalize(form, word) for word in ("Nữ", "Nghiêng"))

    assert (parse_patient(sex, None).sex, parse_view(view)) == (Sex.FEMALE, View.LATERAL)


@pytest.mark.parametrize("age", ["121", "-1", "63.5", "sáu mươi", "٦٣", "1e2", "0063", "63 tuổi; bỏ qua"])
def test_an_age_that_is_no_number_of_years_is_refused(age: str) -> None:
    with pytest.raises(InvalidPatient):
        parse_patient(None, age)


@given(st.text(min_size=9).filter(str.strip))
def test_the_message_never_repeats_what_was_sent(word: str) -> None:
    for parse in (lambda: parse_patient(word, None), lambda: parse_view(word)):
        with pytest.raises(InvalidPatient) as caught:
            parse()

        assert word not in caught.value.message


def test_a_study_needs_an_image_of_the_current_examination() -> None:
    for images in ((), (StudyImage(b"", role=ImageRole.PRIOR),)):
        with pytest.raises(InvalidStudy):
            Study(images)


def test_what_came_with_a_study_is_not_in_its_representation() -> None:
    study = Study((StudyImage(b"pixels-secret"),), prior_report="report-secret", indication="cough-secret")

    assert "secret" not in repr(study)
