"""Columns are found under any of their names; texts come out composed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.columns import (
    REQUIRED,
    VARIANTS,
    ColumnError,
    Field,
    match_columns,
    text_of,
)

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


@given(st.text())
def test_texts_come_out_composed_and_stripped(text: str) -> None:
    read = text_of(text)
    assert read == read.strip() and unicodedata.is_normalized("NFC", read)
