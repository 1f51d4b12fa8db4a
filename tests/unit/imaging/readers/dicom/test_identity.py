"""A DICOM file says who and how; what is unusable says nothing, and nothing of it is repeated anywhere."""

import io
import logging
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread, uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes

from serve_app.domain.errors import ClaraError
from serve_app.domain.radiograph import DicomReference, FileAttributes
from serve_app.domain.study import Age, AgeUnit, Sex, View
from serve_app.imaging.decode import decode
from serve_app.imaging.picture import Picture
from serve_app.imaging.readers.dicom.elements import Scanner
from serve_app.imaging.readers.dicom.identity import read_attributes, read_reference
from tests.unit.imaging.files import dicom, png, ramp, written
from tests.unit.imaging.readers.dicom.samples import SETTINGS, element


def read(**elements: Any) -> Picture:
    return decode(dicom(ramp(), **elements), SETTINGS)


def viewed(code: str, scheme: str = "SCT") -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, scheme, "a view"
    return Sequence([item])


@pytest.mark.parametrize(
    ("elements", "attributes"),
    [
        ({}, FileAttributes()),
        ({"PatientSex": "M", "PatientAge": "063Y", "ViewPosition": "PA"}, FileAttributes(Sex.MALE, Age(63), View.PA)),
        (
            {"PatientSex": "F", "PatientAge": "018M", "ViewPosition": "LL"},
            FileAttributes(Sex.FEMALE, Age(18, AgeUnit.MONTHS), View.LATERAL),
        ),
        ({"PatientAge": "006M"}, FileAttributes(age=Age(6, AgeUnit.MONTHS))),
        ({"PatientAge": "6M"}, FileAttributes(age=Age(6, AgeUnit.MONTHS))),
        ({"PatientAge": "010W"}, FileAttributes(age=Age(10, AgeUnit.WEEKS))),
        ({"PatientAge": "003D"}, FileAttributes(age=Age(3, AgeUnit.DAYS))),
        ({"PatientBirthDate": "20230815", "StudyDate": "20240301"}, FileAttributes(age=Age(6, AgeUnit.MONTHS))),
        ({"PatientBirthDate": "20240229", "StudyDate": "20240328"}, FileAttributes(age=Age(28, AgeUnit.DAYS))),
        ({"PatientBirthDate": "20230301", "StudyDate": "20240301"}, FileAttributes(age=Age(1))),
        ({"PatientBirthDate": "19600229", "StudyDate": "20240228"}, FileAttributes(age=Age(63))),
        ({"PatientBirthDate": "19600229", "StudyDate": "20240229"}, FileAttributes(age=Age(64))),
        ({"PatientBirthDate": "19600615", "AcquisitionDate": "20200615"}, FileAttributes(age=Age(60))),
        ({"PatientAge": "050Y", "PatientBirthDate": "19600101", "StudyDate": "20240101"}, FileAttributes(age=Age(50))),
        ({"ViewCodeSequence": viewed("399067008")}, FileAttributes(view=View.LATERAL)),
        ({"ViewCodeSequence": viewed("R-10206")}, FileAttributes(view=View.AP)),
        ({"ViewPosition": "AP", "ViewCodeSequence": viewed("399067008")}, FileAttributes(view=View.AP)),
    ],
)
def test_sex_age_and_view_are_read(elements: dict[str, Any], attributes: FileAttributes) -> None:
    assert read(**elements).attributes == attributes


@pytest.mark.parametrize(
    "elements",
    [
        {"PatientSex": "O"},
        {"PatientAge": ""},
        {"PatientAge": "63 years"},
        {"PatientAge": "999Y"},
        {"PatientBirthDate": "20300101", "StudyDate": "20240101"},
        {"PatientBirthDate": "20240110", "StudyDate": "20240109"},
        {"PatientBirthDate": "19601399", "StudyDate": "20240101"},
        {"PatientBirthDate": "19600101"},
        {"ViewPosition": "LAO"},
        {"ViewCodeSequence": viewed("0")},
        {"ViewCodeSequence": Sequence([])},
        {"ViewCodeSequence": viewed("272479007", "99LOCAL")},
        {"ViewPosition": "LLD", "ViewCodeSequence": viewed("272479007")},
        {"ViewPosition": "RAO", "ViewCodeSequence": viewed("272479007")},
    ],
)
def test_what_is_unusable_says_nothing(elements: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = dicom(ramp(), **elements)
    assert decode(data, SETTINGS).attributes == FileAttributes()


@pytest.mark.parametrize(
    "items", [b"\xfe\xff", b"\xfe\xff\x00\xe0\x08\x00\x00\x00\x08\x00\x00\x01", bytes(64), b"\xff" * 64]
)
def test_a_broken_view_code_says_nothing_and_the_image_is_read(items: bytes) -> None:
    data = dicom(ramp(), ViewCodeSequence=viewed("272479007"))
    at = data.index(b"\x54\x00\x20\x02SQ")
    end = at + 12 + int.from_bytes(data[at + 8 : at + 12], "little")
    picture = decode(data[: at + 8] + len(items).to_bytes(4, "little") + items + data[end:], SETTINGS)
    assert np.array_equal(picture.pixels, ramp())
    assert picture.attributes == FileAttributes()


CODED = [
    (codes.cid4010.PosteroAnterior, View.PA),
    (codes.cid4010.AnteroPosterior, View.AP),
    (codes.cid4010.LateralProjection, View.LATERAL),
    (codes.cid4010.LeftLateral, View.LATERAL),
    (codes.cid4010.RightLateral, View.LATERAL),
    (codes.cid4010.LeftAnteriorOblique, None),
]


@pytest.mark.parametrize(("code", "view"), CODED)
def test_the_codes_are_those_of_the_standards_dictionary(code: Any, view: View | None) -> None:
    assert read(ViewCodeSequence=viewed(code.value, code.scheme_designator)).attributes.view is view


def test_the_attributes_alone_repeat_nothing() -> None:
    assert repr(read(PatientSex="F", PatientAge="045Y", ViewPosition="LL").attributes) == "FileAttributes()"


def test_the_reference_is_what_a_document_points_to() -> None:
    reference = read(
        StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.4", ViewPosition="PA", PatientOrientation=["L", "F"]
    ).reference

    assert reference == DicomReference(
        study_uid="1.2.3",
        series_uid="1.2.4",
        instance_uid="1.2.826.0.1.3680043.8.498.1",
        sop_class_uid=uid.ComputedRadiographyImageStorage,
        view_position="PA",
        patient_orientation="L\\F",
        patient_digest=None,
    )


def test_patients_are_told_apart_without_their_names() -> None:
    digests = [
        reference.patient_digest
        for elements in ({"PatientID": "1"}, {"PatientID": "1"}, {"PatientID": "1", "IssuerOfPatientID": "B"})
        if (reference := read(**elements).reference)
    ]

    assert digests[0] == digests[1] != digests[2]
    assert all(digest and len(digest) == 64 for digest in digests)


def test_other_files_have_neither() -> None:
    picture = decode(png(ramp()), SETTINGS)

    assert (picture.attributes, picture.reference) == (FileAttributes(), None)


@given(
    st.dictionaries(
        st.sampled_from(["PatientSex", "PatientAge", "PatientBirthDate", "StudyDate", "ViewPosition", "PatientID"]),
        st.text(max_size=20).map(str.encode) | st.binary(max_size=20),
    )
)
# Hypothesis takes more than a second to list Unicode, once, on a fresh checkout.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_stands_there_is_read_without_an_error(values: dict[str, bytes]) -> None:
    data = b"".join(element(keyword, "LO", value) for keyword, value in values.items())
    elements = Scanner(data, "<", is_implicit=False).data_set(0, len(data))
    read_attributes(elements)
    read_reference(elements)


MARKED = {
    "PatientName": "SECRET^NAME",
    "PatientID": "SECRET-ID",
    "IssuerOfPatientID": "SECRET-ISSUER",
    "PatientAge": "SECRET-AGE",
    "PatientBirthDate": "SECRET-B",
    "StudyDate": "SECRET-D",
    "ViewPosition": "SECRET VIEW",
    "StudyInstanceUID": "SECRET.1",
    "SeriesInstanceUID": "SECRET.2",
}


@pytest.mark.parametrize("is_cut", [False, True])
def test_nothing_of_the_patient_is_repeated(
    is_cut: bool, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(io.BytesIO(dicom(ramp())))
        for keyword, value in MARKED.items():
            setattr(dataset, keyword, value)
        data = written(dataset, uid.ExplicitVRLittleEndian)
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    told = ""
    with warnings.catch_warnings(record=True) as caught:
        try:
            told = repr(decode(data[: len(data) // 2] if is_cut else data, SETTINGS))
        except ClaraError as error:
            told = repr(error) + error.message + repr(error.facts)

    output = capsys.readouterr()
    assert "SECRET" not in told + caplog.text + output.out + output.err
    assert not [warning for warning in caught if "SECRET" in str(warning.message)]


def test_the_picture_does_not_depend_on_what_is_said_of_the_patient() -> None:
    assert np.array_equal(read().pixels, read(PatientSex="M", PatientAge="063Y", PatientID="1").pixels)
