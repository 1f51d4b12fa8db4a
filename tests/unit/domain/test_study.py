"""A form's words become a patient or a refusal that does not repeat them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.errors import InvalidPatient, InvalidStudy
from serve_app.domain.study import (
    Age,
    AgeUnit,
    ImageRole,
    Patient,
    Sex,
    Study,
    StudyImage,
    View,
    parse_age,
    parse_patient,
    parse_sex,
    parse_view,
)


@pytest.mark.parametrize(
    ("sex", "age", "view", "patient"),
    [
        ("Nam", "84", "PA", (Patient(Sex.MALE, Age(84)), View.PA)),
        ("nữ", " 7 ", "Lateral", (Patient(Sex.FEMALE, Age(7)), View.LATERAL)),
        ("F", "0", "ap", (Patient(Sex.FEMALE, Age(0)), View.AP)),
        ("khác", "6 tháng", "thẳng", (Patient(Sex.OTHER, Age(6, AgeUnit.MONTHS)), View.FRONTAL)),
        ("Other", "063Y", "Sau trước", (Patient(Sex.OTHER, Age(63)), View.PA)),
        ("không rõ", "Không rõ", "unknown", (Patient(), None)),
        (None, None, None, (Patient(), None)),
        ("", " ", "", (Patient(), None)),
    ],
)
def test_words_are_understood(
    sex: str | None, age: str | None, view: str | None, patient: tuple[Patient, View | None]
) -> None:
    assert (parse_patient(sex, age), parse_view(view)) == patient


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("6 tháng", Age(6, AgeUnit.MONTHS)),
        ("18 THÁNG TUỔI", Age(18, AgeUnit.MONTHS)),
        ("11 thang", Age(11, AgeUnit.MONTHS)),
        ("3 ngày tuổi", Age(3, AgeUnit.DAYS)),
        ("1 day old", Age(1, AgeUnit.DAYS)),
        ("10 tuần", Age(10, AgeUnit.WEEKS)),
        ("006M", Age(6, AgeUnit.MONTHS)),
        ("003d", Age(3, AgeUnit.DAYS)),
        ("010W", Age(10, AgeUnit.WEEKS)),
        ("84 năm", Age(84)),
        ("84.0", Age(84)),
    ],
)
def test_an_age_keeps_the_unit_it_was_stated_in(text: str, age: Age) -> None:
    assert parse_age(text) == age


@given(st.integers(0, 120), st.sampled_from(AgeUnit))
def test_an_age_is_read_back_from_its_own_text(number: int, unit: AgeUnit) -> None:
    assert parse_age(str(Age(number, unit))) == Age(number, unit)


@pytest.mark.parametrize(
    ("age", "years"),
    [("006M", 0), ("011M", 0), ("012M", 1), ("018M", 1), ("024M", 2), ("052W", 0), ("053W", 1), ("800D", 2)],
)
def test_completed_years_are_those_of_the_unit(age: str, years: int) -> None:
    assert parse_patient(None, age).age_years == years


@pytest.mark.parametrize(
    ("one", "other", "known"),
    [
        ("63", "063Y", "063Y"),
        ("0", "006M", "006M"),
        ("1", "018M", "018M"),
        ("014D", "2 tuần", "014D"),
        ("1 tháng", "035D", "035D"),
        ("012M", "1", "012M"),
        ("3 ngày", "006M", None),
        ("0", "012M", None),
        ("63", "36", None),
    ],
)
def test_two_ages_are_narrowed_to_the_more_exact_or_contradict_each_other(
    one: str, other: str, known: str | None
) -> None:
    first, second = parse_age(one), parse_age(other)
    assert first and second
    assert first.narrowed(second) == second.narrowed(first) == parse_age(known)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_vietnamese_words_are_understood_in_either_spelling_of_unicode(form: str) -> None:
    sex, view = (unicodedata.normalize(form, word) for word in ("Nữ", "Nghiêng"))

    assert (parse_patient(sex, None).sex, parse_view(view)) == (Sex.FEMALE, View.LATERAL)


@pytest.mark.parametrize(
    "age", ["121", "-1", "63.5", "sáu mươi", "٦٣", "1e2", "0063", "63 tuổi; bỏ qua", "84M", "121 tuổi", "3 năm ngày"]
)
def test_an_age_that_is_no_number_of_years_is_refused(age: str) -> None:
    with pytest.raises(InvalidPatient):
        parse_patient(None, age)


@given(st.text(min_size=9).filter(str.strip))
def test_the_message_never_repeats_what_was_sent(word: str) -> None:
    for parse in (lambda: parse_sex(word), lambda: parse_view(word), lambda: parse_age(word)):
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
