"""The gold sentences are whole, and the extractor reads them well enough to be trusted with scores."""

import json
import unicodedata
from collections import Counter
from collections.abc import Callable

import pytest

from evaluation.gold.score import FOLDER, RESULT, read_gold, score
from serve_app.domain.facts import Fact, Finding, Location, Polarity, Severity, Side

SENTENCES = read_gold(FOLDER / "sentences.jsonl")
REPORTS = read_gold(FOLDER / "reports.jsonl")
NASTY = read_gold(FOLDER / "nasty.jsonl")
FACTS = [fact for sentence in SENTENCES for fact in sentence.facts]


def test_there_are_enough_and_each_has_its_own_name() -> None:
    assert len(SENTENCES) >= 150 and len(NASTY) == 10
    assert len({sentence.id for sentence in SENTENCES + NASTY}) == len(SENTENCES) + len(NASTY)
    assert len({sentence.text for sentence in SENTENCES + NASTY}) == len(SENTENCES) + len(NASTY)


def test_every_finding_is_told_somewhere() -> None:
    assert {fact.finding for fact in FACTS} == set(Finding)


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (Polarity, lambda fact: fact.polarity),
        (Side, lambda fact: fact.side),
        (Location, lambda fact: fact.location),
        (Severity, lambda fact: fact.severity),
    ],
)
def test_every_attribute_is_told_a_few_times(
    values: type[Polarity | Side | Location | Severity], read: Callable[[Fact], object]
) -> None:
    told = Counter(read(fact) for fact in FACTS)
    assert {value: told[value] for value in values if told[value] < 4} == {}


def test_some_sentences_tell_nothing() -> None:
    assert sum(not sentence.facts for sentence in SENTENCES) >= 5


def test_one_nasty_sentence_is_decomposed_and_all_else_is_composed() -> None:
    composed = [unicodedata.is_normalized("NFC", sentence.text) for sentence in SENTENCES + NASTY]
    assert composed.count(False) == 1


def test_the_extractor_reads_fact_and_side() -> None:
    assert score(SENTENCES)["scores"]["side"]["f1"] >= 0.95


def test_the_published_result_is_this_extractors() -> None:
    published = json.loads(RESULT.read_text(encoding="utf-8"))
    assert json.loads(json.dumps(score(SENTENCES))) == published["sentences"]
    assert json.loads(json.dumps(score(NASTY))) == published["nasty"]
    assert json.loads(json.dumps(score(REPORTS))) == published["reports"]
