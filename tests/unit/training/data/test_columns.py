"""Columns are found under any of their names; ages are read as they are written, or refused without being repeated."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.study import Patient, Sex, View
from training.data.columns import (
    REQUIRED,
    VARIANTS,
    ColumnError,
    Field,
    RowError,
    match_columns,
    patient_of_cells,
    text_of,
    view_of_cell,
    whole_years,
)

AGE_FORMS = ("{}", " {} ", "{} tuổi", "{:03d}Y", "{}.0", "{}y", "{} t", "{} TUỔI", "{} years old")
KNOWN = frozenset(name for names in VARIANTS.values() for name in names)
spelled = st.sampled_from([str.upper, str.lower, str.title, lambda name: name.replace(" ", "_")])
composed = st.sampled_from(["NFC", "NFD"])


@given(st.data())
def test_every_variant_of_every_column_is_found_in_any_case_and_composition(data: st.DataObject) -> None:
    names = {}
    for field, variants in VARIANTS.items():
        if field in REQUIRED or data.draw(st.booleans()):
            name = data.draw(spelled)(data.draw(st.sampled_from(variants)))
            names[field] = unicodedata.normalize(data.draw(composed), name)
    assert match_columns(list(names.values()), "part.parquet") == names


@given(st.text(min_size=1).filter(lambda name: "".join(name.casefold().split("_")).strip() not in KNOWN))
def test_any_other_column_is_refused_by_file_and_name(name: str) -> None:
    with pytest.raises(ColumnError) as refused:
        match_columns(["image", "findings", "impressions", name], "part.parquet")
    assert "part.parquet" in str(refused.value) and repr(name) in str(refused.value)


def test_an_unknown_column_is_told_with_the_known_ones() -> None:
    with pytest.raises(
        ColumnError, match=r"part\.parquet: unknown column 'findngs'; known columns: .*findings.*kỹ thuật"
    ):
        match_columns(["image", "findngs", "impressions"], "part.parquet")


def test_extra_columns_may_be_allowed() -> None:
    columns = match_columns(["image", "findings", "impressions", "hash"], "part.parquet", allow_extra=True)
    assert set(columns) == {Field.IMAGE, Field.FINDINGS, Field.IMPRESSION}


def test_a_missing_column_is_told_with_its_file() -> None:
    with pytest.raises(ColumnError, match=r"part\.parquet: no column for impression"):
        match_columns(["image", "findings"], "part.parquet")


def test_two_columns_of_one_meaning_are_refused() -> None:
    with pytest.raises(ColumnError, match=r"'Age' and 'Ages' both mean age"):
        match_columns(["image", "findings", "impressions", "Age", "Ages"], "part.parquet")


@given(st.integers(0, 120), st.sampled_from(AGE_FORMS), composed)
def test_an_age_is_read_in_every_form(years: int, form: str, composition: str) -> None:
    assert whole_years(unicodedata.normalize(composition, form.format(years))) == years
    assert whole_years(years) == whole_years(float(years)) == years


@pytest.mark.parametrize(("value", "years"), [("006M", 0), ("018M", 1), ("6 tháng", 0), ("052W", 0), ("800D", 2)])
def test_an_infants_age_is_read_in_completed_years(value: str, years: int) -> None:
    assert whole_years(value) == years


@pytest.mark.parametrize("value", [None, "", "  ", float("nan"), "nan", "None", "Không rõ"])
def test_an_unknown_age_is_none(value: object) -> None:
    assert whole_years(value) is None


@pytest.mark.parametrize("value", ["tám mươi", "84.5", 84.5, "-1", -1, True, "84M", "1e2", "84 85", [84], "٨٤"])
def test_an_age_that_cannot_be_read_is_refused_without_being_repeated(value: object) -> None:
    with pytest.raises(RowError, match=r"^age cannot be read$"):
        whole_years(value)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.lists(st.integers())))
def test_any_age_cell_is_read_or_refused(value: object) -> None:
    try:
        years = whole_years(value)
    except RowError:
        return
    assert years is None or 0 <= years <= 999


def test_a_patient_is_read_from_decomposed_vietnamese() -> None:
    female = unicodedata.normalize("NFD", "Nữ")
    assert (patient_of_cells(female, "084Y"), view_of_cell("ap")) == (Patient(Sex.FEMALE, 84), View.AP)


@given(st.text())
def test_texts_come_out_composed_and_stripped(text: str) -> None:
    read = text_of(text)
    assert read == read.strip() and unicodedata.is_normalized("NFC", read)
