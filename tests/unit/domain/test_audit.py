"""Entries have one form in bytes, and their hash covers everything but personal data."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.audit import GENESIS, Action, AuditEntry, AuditEvent, canonical, chained, commitment

EVENT = AuditEvent("hospital", "key:1", Action.REPORT_DRAFTED, "rpt_1", "r", {"model": "demo"}, {"age": "063Y"})
ENTRY = chained(EVENT, 7, GENESIS, 1_767_225_600_000)
FACTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
)


def test_keys_are_sorted_and_text_is_not_escaped_beyond_what_json_asks_for() -> None:
    """Source: RFC 8785, section 3.2."""
    written = canonical({"b": "Nữ", "a": ['\x0f\n"\\/', 1, True, None], "A": {}})

    assert written == '{"A":{},"a":["\\u000f\\n\\"\\\\/",1,true,null],"b":"Nữ"}'.encode()


@given(FACTS)
def test_what_is_written_is_read_back_and_written_the_same(value: Any) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize("value", [0.5, float("nan"), {"ü": 1}, {1: 2}, b"", {"a": [object()]}])
def test_what_has_several_forms_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical(value)


@pytest.mark.parametrize("name", [field.name for field in fields(AuditEntry)])
def test_the_hash_covers_every_field_but_the_erasable_ones(name: str) -> None:
    other = {"sequence": 8, "time_unix_ms": 1, "details": {}, "personal": {}}.get(name, "other")
    changes = replace(ENTRY, **{name: other}).computed_hash() != ENTRY.hash

    assert changes is (name not in ("hash", "personal", "salt"))


def test_equal_personal_data_have_different_commitments() -> None:
    again = chained(EVENT, 7, GENESIS, 1_767_225_600_000)

    assert again.personal == ENTRY.personal
    assert again.commitment != ENTRY.commitment


def test_an_erased_entry_keeps_its_commitment() -> None:
    erased = replace(ENTRY, personal=None, salt=None)

    assert erased.is_erased
    assert erased.keeps_commitment()
    assert erased.computed_hash() == ENTRY.hash


def test_a_commitment_is_over_data_and_salt() -> None:
    assert commitment({"age": "063Y"}, "1") != commitment({"age": "063Y"}, "2") != commitment({"age": "064Y"}, "2")


def test_an_entry_without_personal_data_has_none_to_erase() -> None:
    entry = chained(replace(EVENT, personal=None), 1, GENESIS, 0)

    assert (entry.commitment, entry.salt, entry.is_erased) == (None, None, False)
