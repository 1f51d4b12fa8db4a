"""An answer is split without losing words, and its faults are named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.conversation import FinishReason
from serve_app.domain.report import SectionStatus
from serve_app.reasoning.parse import parse_section, split_items


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
        ("- Nốt mờ phổi phải.\n- Nốt mờ phổi trái.\n- Nốt mờ hai phổi.", FinishReason.STOP, SectionStatus.COMPLETE),
    ],
)
def test_status_says_whether_the_answer_is_whole(text: str, reason: FinishReason, status: SectionStatus) -> None:
    assert parse_section(text, reason).status is status
