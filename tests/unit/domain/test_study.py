"""A form's words become a patient or a refusal that does not repeat them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.errors import InvalidPatient
from serve_app.domain.study import Patient, Sex, View, parse_patient


@pytest.mark.parametrize(
    ("sex", "age", "view", "patient"),
    [
        ("Nam", "84", "PA", Patient(Sex.MALE, 84, View.PA)),
        ("nữ", " 7 ", "Lateral", Patient(Sex.FEMALE, 7, View.LATERAL)),
        ("F", "0", "ap", Patient(Sex.FEMALE, 0, View.AP)),
        (None, None, None, Patient()),
        ("", " ", "", Patient()),
    ],
)
def test_words_are_understood(sex: str | None, age: str | None, view: str | None, patient: Patient) -> None:
    assert parse_patient(sex, age, view) == patient


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_vietnamese_words_are_understood_in_either_spelling_of_unicode(form: str) -> None:
    sex, view = (unicodedata.normalize(form, word) for word in ("Nữ", "Nghiêng"))

    assert parse_patient(sex, None, view) == Patient(sex=Sex.FEMALE, view=View.LATERAL)


@pytest.mark.parametrize("age", ["121", "-1", "63.5", "sáu mươi", "٦٣", "1e2", "0063", "63 tuổi; bỏ qua"])
def test_an_age_that_is_no_number_of_years_is_refused(age: str) -> None:
    with pytest.raises(InvalidPatient):
        parse_patient(None, age, None)


@given(st.text(min_size=9).filter(str.strip))
def test_the_message_never_repeats_what_was_sent(word: str) -> None:
    with pytest.raises(InvalidPatient) as caught:
        parse_patient(word, None, None)

    assert word not in caught.value.message
