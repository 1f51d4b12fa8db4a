"""An answer is split without losing words, and its faults are named."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.conversation import FinishReason
from serve_app.domain.report import SectionStatus
from serve_app.reasoning.parse import parse_section, split_items

GOLD = Path(__file__).parents[3] / "evaluation" / "gold"
LONG_PHRASE = "bóng tim không to, hai phế trường sáng, không tràn dịch màng phổi"


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("- BÓNG TIM TO\n- CÒN MÁY TẠO NHỊP", ("BÓNG TIM TO", "CÒN MÁY TẠO NHỊP")),
        ("1. Bóng tim to.\n2) Xơ đỉnh phổi (P).", ("Bóng tim to.", "Xơ đỉnh phổi (P).")),
        ("Bóng tim không to. Hai phế trường sáng.", ("Bóng tim không to.", "Hai phế trường sáng.")),
        ("Nốt mờ 1.5 cm thùy trên phổi phải.", ("Nốt mờ 1.5 cm thùy trên phổi phải.",)),
        ("- Tràn dịch màng phổi (T). Lượng ít.", ("Tràn dịch màng phổi (T). Lượng ít.",)),
        ("\n - \n", ()),
    ],
)
def test_items_are_the_statements(text: str, items: tuple[str, ...]) -> None:
    assert split_items(text) == items


@given(st.text())
def test_no_letter_is_lost(text: str) -> None:
    def letters(part: str) -> str:
        return "".join(character for character in part if character.isalpha())

    assert letters("".join(split_items(text))) == letters(text)


@given(st.lists(st.sampled_from("abc"), max_size=60), st.integers(1, 20))
def test_a_phrase_said_over_and_over_is_found_wherever_it_stands(words: list[str], num_words: int) -> None:
    """Against the plain way: every word is compared with the one a phrase further, and equal ones in a row counted."""
    text = " ".join([*words, "x", *(words[:num_words] * 4), "y"])

    def is_said_over(words: list[str], period: int) -> bool:
        matches = "".join("=" if one == later else "." for one, later in zip(words, words[period:], strict=False))
        return "=" * period * (3 if period <= 8 else 2) in matches

    expected = any(is_said_over(text.split(), period) for period in range(1, len(text.split())))
    assert (parse_section(text, FinishReason.STOP).status is SectionStatus.LOOPING) == expected


def test_a_text_of_two_thousand_words_is_judged_at_once() -> None:
    text = " ".join(f"a{number % 7} b{number % 11} c{number % 13} {number}" for number in range(500))
    started = time.process_time()

    assert parse_section(text, FinishReason.STOP).status is SectionStatus.COMPLETE
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize("name", ["sentences", "reports", "nasty"])
def test_what_people_wrote_does_not_repeat_itself(name: str) -> None:
    rows = (GOLD / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(row)["text"] for row in rows]

    statuses = {parse_section(text, FinishReason.STOP).status for text in texts}

    assert texts and statuses == {SectionStatus.COMPLETE}


def test_text_is_kept_as_the_model_wrote_it() -> None:
    text = "  - Bóng tim to \n\n"

    assert parse_section(text, FinishReason.STOP).text == text


@pytest.mark.parametrize(
    ("text", "reason", "status"),
    [
        ("- Bóng tim to.", FinishReason.STOP, SectionStatus.COMPLETE),
        ("- Bóng tim to.\n- Tràn", FinishReason.LENGTH, SectionStatus.TRUNCATED),
        (" \n", FinishReason.STOP, SectionStatus.EMPTY),
        ("...", FinishReason.STOP, SectionStatus.EMPTY),
        ("- Bóng tim to.\n" * 5, FinishReason.LENGTH, SectionStatus.LOOPING),
        ("mờ phổi phải và " * 9, FinishReason.LENGTH, SectionStatus.LOOPING),
        ("to to to to", FinishReason.STOP, SectionStatus.LOOPING),
        (f"{LONG_PHRASE}, " * 6, FinishReason.STOP, SectionStatus.LOOPING),
        (f"Tim to. {f'{LONG_PHRASE}, ' * 3}nốt mờ.", FinishReason.STOP, SectionStatus.LOOPING),
        (f"{LONG_PHRASE}, " * 2, FinishReason.STOP, SectionStatus.COMPLETE),
        ("mờ phổi, " * 60 + "bình thường.", FinishReason.STOP, SectionStatus.LOOPING),
        ("mờ phổi, " * 3 + "bình thường.", FinishReason.STOP, SectionStatus.COMPLETE),
        ("Gãy cung sau xương sườn 3, 4, 5, 6, 7, 8 bên phải.", FinishReason.STOP, SectionStatus.COMPLETE),
        ("Không u, không hạch, không dịch, không khí, không xẹp.", FinishReason.STOP, SectionStatus.COMPLETE),
        ("- Nốt mờ phổi phải.\n- Nốt mờ phổi trái.\n- Nốt mờ hai phổi.", FinishReason.STOP, SectionStatus.COMPLETE),
    ],
)
def test_status_says_whether_the_answer_is_whole(text: str, reason: FinishReason, status: SectionStatus) -> None:
    assert parse_section(text, reason).status is status
