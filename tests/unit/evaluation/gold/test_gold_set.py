"""The gold set parses, keeps its own rules and covers what the guideline names."""

import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from serve_app.domain.facts import Fact, Finding, Location, Polarity, Severity, Side

GOLD = Path(__file__).parents[4] / "evaluation" / "gold"
FILES = ("sentences.jsonl", "reports.jsonl", "nasty.jsonl", "kinds.jsonl")
DECOMPOSED = "n006"
"""The nasty sentence written in NFD on purpose."""


def rows(*names: str) -> list[dict[str, Any]]:
    return [json.loads(line) for name in names for line in (GOLD / name).read_text(encoding="utf-8").splitlines()]


def fact(row: dict[str, Any]) -> Fact:
    return Fact(
        Finding(row["finding"]),
        Polarity(row["polarity"]),
        Side(row["side"]) if row["side"] else None,
        Location(row["location"]) if row["location"] else None,
        Severity(row["severity"]) if row["severity"] else None,
    )


def facts(*names: str) -> list[Fact]:
    return [fact(one) for row in rows(*names) for one in row["facts"]]


@pytest.mark.parametrize("name", FILES)
def test_every_annotation_is_a_set_of_facts(name: str) -> None:
    for row in rows(name):
        assert set(row) == {"id", "text", "facts"}, row["id"]
        assert row["text"].strip(), row["id"]
        read = [fact(one) for one in row["facts"]]
        assert len(set(read)) == len(read), f"{row['id']}: the same fact twice"


def test_there_are_enough_sentences_and_ten_nasty_ones() -> None:
    assert len(rows("sentences.jsonl")) >= 150
    assert len(rows("nasty.jsonl")) == 10


def test_no_id_and_no_text_comes_twice() -> None:
    every = rows(*FILES)
    assert len({row["id"] for row in every}) == len(every)
    assert len({unicodedata.normalize("NFC", row["text"]) for row in every}) == len(every)


def test_only_the_marked_nasty_sentence_is_decomposed() -> None:
    decomposed = {row["id"] for row in rows(*FILES) if not unicodedata.is_normalized("NFC", row["text"])}
    assert decomposed == {DECOMPOSED}


def test_every_finding_is_told_as_present_somewhere() -> None:
    every = facts("sentences.jsonl", "reports.jsonl", "kinds.jsonl")
    told = {one.finding for one in every if one.polarity is Polarity.PRESENT}
    assert told == set(Finding)


@pytest.mark.parametrize("attribute", [Polarity, Side, Location, Severity])
def test_every_value_comes_at_least_five_times(attribute: type) -> None:
    told = Counter(getattr(one, attribute.__name__.lower()) for one in facts("sentences.jsonl", "reports.jsonl"))
    rare = {value: told[value] for value in attribute if told[value] < 5}
    assert not rare


def test_some_texts_hold_no_fact_and_some_hold_several_lines() -> None:
    every = rows(*FILES)
    assert sum(not row["facts"] for row in every) >= 5
    assert sum("\n" in row["text"] for row in every) >= 5
