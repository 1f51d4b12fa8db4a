"""Each fact's place in the text: inside it, in reading order, on the words that state it, however they are spelled."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.domain.facts import Finding, LocatedFact
from serve_app.facts import extract, located_facts
from serve_app.facts.text import normalise
from tests.unit.facts.test_extract import SENTENCES

REPORTS = st.lists(st.sampled_from(tuple(SENTENCES)) | st.text(max_size=30), max_size=5).map("\n".join)
LETTERS_AND_MARKS = st.text(st.characters() | st.sampled_from("aoe\u0301\u0302\u0323\u0345\u1100\u1161\u11a8ßİ"))
EFFUSION_TWICE = "1. Bóng tim hơi to.\n- TDMP (T) lượng ít, mờ góc sườn hoành trái.\n- Nghi viêm phổi"


def _words(text: str, located: LocatedFact) -> tuple[str, list[str]]:
    return text[slice(*located.sentence)], [text[slice(*mention)] for mention in located.mentions]


def test_a_fact_is_located_in_the_original_spelling() -> None:
    heart, effusion, pneumonia = (_words(EFFUSION_TWICE, located) for located in located_facts(EFFUSION_TWICE))
    assert heart == ("Bóng tim hơi to", ["Bóng tim hơi to"])
    assert effusion == ("TDMP (T) lượng ít, mờ góc sườn hoành trái", ["TDMP", "mờ góc sườn hoành"])
    assert pneumonia == ("Nghi viêm phổi", ["viêm phổi"])


def test_one_fact_in_two_sentences_is_located_in_each() -> None:
    text = "Tràn dịch màng phổi trái. Còn tràn dịch màng phổi trái"
    assert [_words(text, located)[0] for located in located_facts(text)] == text.split(". ")
    assert len(extract(text)) == 1


@settings(deadline=None, max_examples=100)
@given(REPORTS)
def test_the_located_facts_are_those_that_are_extracted(text: str) -> None:
    assert {located.fact for located in located_facts(text)} == extract(text)


@settings(deadline=None, max_examples=100)
@given(REPORTS)
def test_every_mention_lies_within_its_sentence_and_every_sentence_within_the_text(text: str) -> None:
    for located in located_facts(text):
        start, end = located.sentence
        assert 0 <= start < end <= len(text)
        assert located.mentions
        assert all(start <= first < last <= end for first, last in located.mentions)
        assert all(words == words.strip() for words in _words(text, located)[1])


@settings(deadline=None, max_examples=100)
@given(REPORTS)
def test_facts_and_mentions_come_in_reading_order(text: str) -> None:
    located = located_facts(text)
    firsts = [fact.mentions[0] for fact in located]
    assert firsts == sorted(firsts)
    assert all(list(fact.mentions) == sorted(fact.mentions) for fact in located)


@pytest.mark.parametrize("text", SENTENCES)
def test_decomposed_letters_are_located_on_the_same_words(text: str) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    composed_again = [
        (found.fact, unicodedata.normalize("NFC", "|".join(_words(decomposed, found)[1])))
        for found in located_facts(decomposed)
    ]
    assert composed_again == [(found.fact, "|".join(_words(text, found)[1])) for found in located_facts(text)]


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(tuple(SENTENCES)), st.sampled_from(tuple(SENTENCES)))
def test_a_sentence_before_only_shifts_the_places(before: str, text: str) -> None:
    shift = len(before) + 1
    places = [(found.fact, [start + shift for start, _ in found.mentions]) for found in located_facts(text)]
    both = [found for found in located_facts(f"{before}\n{text}") if found.sentence[0] >= shift]
    assert [(found.fact, [start for start, _ in found.mentions]) for found in both] == places


@settings(deadline=None, max_examples=200)
@given(LETTERS_AND_MARKS)
def test_every_normalised_character_has_its_origin_in_order(text: str) -> None:
    normalised = normalise(text)
    assert len(normalised.origins) == len(normalised.text)
    assert normalised.origins == sorted(normalised.origins)
    assert all(0 <= start < end <= len(text) for start, end in normalised.origins)


@settings(deadline=None, max_examples=200)
@given(LETTERS_AND_MARKS)
def test_letters_fold_one_by_one_as_the_whole_text_does(text: str) -> None:
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    assert normalise(folded).text == normalise(text).text


@pytest.mark.parametrize(("text", "word"), [("TKMP (T)", "TKMP"), ("- thuỷ: CVC", "CVC"), ("Xquang: có ICD.", "ICD")])
def test_an_abbreviation_is_located_whole(text: str, word: str) -> None:
    (located,) = located_facts(text)
    assert located.fact.finding in {Finding.PNEUMOTHORAX, Finding.CENTRAL_VENOUS_CATHETER, Finding.PACEMAKER}
    assert _words(text, located)[1] == [word]
