"""What files say fills what the form leaves open; what contradicts is refused by naming both fields."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.errors import ContradictoryStudy
from serve_app.domain.radiograph import DicomReference, FileAttributes, GateOutcome, GateVerdict, Radiograph, Source
from serve_app.domain.study import Age, AgeUnit, Origin, Patient, Sex, Study, StudyImage, View
from serve_app.reasoning.identity import identify

attributes = st.builds(
    FileAttributes,
    st.none() | st.sampled_from(Sex),
    st.none() | st.builds(Age, st.integers(0, 120), st.sampled_from(AgeUnit)),
    st.none() | st.sampled_from(View),
)

NOTHING, NOBODY = FileAttributes(), Patient()


def prepared(file: FileAttributes = NOTHING, patient: str | None = None) -> Radiograph:
    image = Radiograph(
        np.zeros((28, 28, 3), np.uint8), "d", Source("DICOM", 28, 28, 12), GateVerdict(GateOutcome.PASS, 1.0, "x"), file
    )
    return dataclasses.replace(image, reference=DicomReference(patient_digest=patient))


def study_of(*views: View | None, patient: Patient = NOBODY) -> Study:
    return Study(tuple(StudyImage(b"", view) for view in views), patient)


@given(attributes)
def test_a_silent_form_is_filled_from_the_file(file: FileAttributes) -> None:
    known = identify(study_of(None), [prepared(file)])

    (image,) = known.images
    assert (known.patient, image.view) == (Patient(file.sex, file.age), file.view)
    for value, origin in (
        (file.sex, known.sex_origin),
        (file.age, known.age_origin),
        (file.view, image.view_origin),
    ):
        assert origin is (None if value is None else Origin.FILE)


@given(attributes)
def test_a_silent_file_changes_nothing(form: FileAttributes) -> None:
    known = identify(study_of(form.view, patient=Patient(form.sex, form.age)), [prepared()])

    assert (known.patient, known.images[0].view) == (Patient(form.sex, form.age), form.view)
    assert known.age_origin is (None if form.age is None else Origin.FORM)


@pytest.mark.parametrize(
    ("form", "view", "file", "named"),
    [
        (Patient(Sex.MALE), None, FileAttributes(sex=Sex.FEMALE), ("sex", "PatientSex")),
        (Patient(None, Age(63)), None, FileAttributes(age=Age(36)), ("age", "PatientAge or PatientBirthDate")),
        (
            Patient(None, Age(3, AgeUnit.DAYS)),
            None,
            FileAttributes(age=Age(6, AgeUnit.MONTHS)),
            ("age", "PatientAge or PatientBirthDate"),
        ),
        (Patient(), View.FRONTAL, FileAttributes(view=View.LATERAL), ("view", "ViewPosition or ViewCodeSequence")),
        (Patient(), View.PA, FileAttributes(view=View.AP), ("view", "ViewPosition or ViewCodeSequence")),
    ],
)
def test_a_contradiction_names_both_fields_and_no_value(
    form: Patient, view: View | None, file: FileAttributes, named: tuple[str, str]
) -> None:
    with pytest.raises(ContradictoryStudy) as caught:
        identify(study_of(view, patient=form), [prepared(file)])

    assert caught.value.facts == {"field": named[0], "other": named[1]}
    assert all(name in caught.value.message for name in named)
    assert not any(word in caught.value.message for word in ("male", "63", "36", "PA ", "AP "))


@pytest.mark.parametrize(
    ("form", "file", "known", "origin"),
    [
        (Age(0), Age(6, AgeUnit.MONTHS), Age(6, AgeUnit.MONTHS), Origin.FILE),
        (Age(6, AgeUnit.MONTHS), Age(0), Age(6, AgeUnit.MONTHS), Origin.FORM),
        (Age(6, AgeUnit.MONTHS), Age(6, AgeUnit.MONTHS), Age(6, AgeUnit.MONTHS), Origin.FORM),
    ],
)
def test_the_more_exact_of_two_ages_that_agree_is_taken_with_its_origin(
    form: Age, file: Age, known: Age, origin: Origin
) -> None:
    identity = identify(study_of(None, patient=Patient(None, form)), [prepared(FileAttributes(age=file))])

    assert (identity.patient.age, identity.age_origin) == (known, origin)


def test_a_frontal_view_of_the_form_is_narrowed_by_the_file() -> None:
    (image,) = identify(study_of(View.FRONTAL), [prepared(FileAttributes(view=View.AP))]).images

    assert (image.view, image.view_origin) == (View.AP, Origin.FILE)


def test_files_that_state_one_age_in_two_units_agree() -> None:
    files = [prepared(FileAttributes(age=age)) for age in (Age(0), Age(6, AgeUnit.MONTHS))]

    assert identify(study_of(None, None), files).patient.age == Age(6, AgeUnit.MONTHS)


def test_files_that_disagree_about_the_patient_are_refused_whatever_the_form_says() -> None:
    files = [prepared(FileAttributes(sex=Sex.MALE)), prepared(FileAttributes(sex=Sex.FEMALE))]

    with pytest.raises(ContradictoryStudy, match="the files disagree about PatientSex"):
        identify(study_of(None, None, patient=Patient(Sex.MALE)), files)


def test_files_of_two_patients_make_no_study() -> None:
    with pytest.raises(ContradictoryStudy, match="different patients"):
        identify(study_of(None, None), [prepared(patient="a"), prepared(patient="b")])


def test_each_image_keeps_its_own_view() -> None:
    known = identify(study_of(View.PA, None), [prepared(), prepared(FileAttributes(view=View.LATERAL))])

    assert [(image.view, image.view_origin) for image in known.images] == [
        (View.PA, Origin.FORM),
        (View.LATERAL, Origin.FILE),
    ]
