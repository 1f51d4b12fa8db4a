"""BLEU and ROUGE-L see Vietnamese: its letters stay, its punctuation stands apart, its two spellings are one."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.lexical import Level, lexical_score, tokens

REFERENCE = "Mờ góc sườn hoành trái, dịch màng phổi trái lượng ít."


def test_every_syllable_is_a_token_and_punctuation_stands_apart() -> None:
    assert tokens("Mờ góc sườn hoành trái, (T).") == ["mờ", "góc", "sườn", "hoành", "trái", ",", "(", "t", ")", "."]


def test_words_join_syllables() -> None:
    assert tokens("Tim phổi trong giới hạn bình thường.", Level.WORD)[-2:] == ["bình_thường", "."]


@pytest.mark.parametrize(
    "candidate",
    [REFERENCE.upper(), unicodedata.normalize("NFD", REFERENCE), REFERENCE.replace("hoành", " hoành")],
)
def test_case_composition_and_blanks_cost_nothing(candidate: str) -> None:
    score = lexical_score([REFERENCE], [candidate])
    assert score.bleu == pytest.approx(100)
    assert score.rouge_l == 1


def test_both_placements_of_a_tone_are_one_spelling() -> None:
    assert tokens("thuỳ hoà") == tokens("thùy hòa")


def test_rouge_is_the_longest_common_subsequence() -> None:
    # Four of five syllables in order, against six.
    score = lexical_score(["tràn dịch màng phổi trái"], ["có tràn dịch ở màng phổi"])
    assert score.rouge_l == pytest.approx(2 * 4 / (5 + 6))


def test_another_report_scores_less_than_the_right_one() -> None:
    right = lexical_score([REFERENCE], ["Mờ góc sườn hoành trái, dịch màng phổi trái lượng vừa."])
    wrong = lexical_score([REFERENCE], ["Bóng tim to. Hai phế trường sáng, không thấy tổn thương."])
    assert right.bleu > 60 > wrong.bleu
    assert right.rouge_l > 0.8 > wrong.rouge_l


def test_the_signature_names_version_and_tokens() -> None:
    signature = lexical_score([REFERENCE], [REFERENCE]).bleu_signature
    assert "version:" in signature and signature.endswith("tok:clara-syllable")


def test_unpaired_reports_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        lexical_score([REFERENCE], [])
    with pytest.raises(ValueError, match="no reports to compare"):
        lexical_score([], [])


@given(st.text())
def test_any_text_can_be_split(text: str) -> None:
    assert all(token.strip() for token in tokens(text))
