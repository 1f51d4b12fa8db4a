"""A draft is held against itself: what disagrees is named with its places, what is right is left in peace."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.conversation import FinishReason
from serve_app.domain.facts import Finding
from serve_app.domain.report import Concern, ConcernCode, ConcernSeverity, Place, SectionName
from serve_app.reasoning.check import DraftCheck
from serve_app.reasoning.check.clinic import DIAGNOSES, INCIDENTAL, SUPPORT
from serve_app.reasoning.parse import parse_section

Found = list[tuple[str, str, str | None]]


def check(
    findings: str, impression: str, *, has_prior: bool = False, ended: FinishReason = FinishReason.STOP
) -> tuple[Concern, ...]:
    draft = DraftCheck(has_prior=has_prior)
    return (
        *draft.section(SectionName.FINDINGS, parse_section(findings, ended)),
        *draft.section(SectionName.IMPRESSION, parse_section(impression, FinishReason.STOP)),
    )


def found(findings: str, impression: str, **given: bool | FinishReason) -> Found:
    """Give each concern with the words it points to."""
    texts = {SectionName.FINDINGS: findings, SectionName.IMPRESSION: impression}

    def words(place: Place | None) -> str | None:
        return None if place is None else texts[place.section][place.start : place.end]

    concerns = check(findings, impression, **given)  # type: ignore[arg-type]
    return [(concern.code.value, str(words(concern.place)), words(concern.other)) for concern in concerns]


@pytest.mark.parametrize(
    ("findings", "impression"),
    [
        ("- Hai phế trường sáng.\n- Bóng tim không to.", "- Tim phổi trong giới hạn bình thường."),
        ("- Tràn dịch màng phổi trái lượng ít.", "- Tràn dịch màng phổi trái lượng ít."),
        ("- Tràn dịch màng phổi trái lượng ít.", "- TDMP (T)."),
        ("- Đông đặc thùy dưới phổi phải.", "- Theo dõi viêm phổi."),
        ("- Bóng tim to.\n- Phù phổi.", "- Suy tim."),
        ("- Bóng tim to.\n- Vôi hóa quai động mạch chủ.", "- Bóng tim to."),
        ("- Không tràn dịch màng phổi trái.\n- Tràn dịch màng phổi phải.", "- Tràn dịch màng phổi phải."),
        ("- Xơ sẹo đỉnh phổi phải.", "- Tổn thương lao cũ."),
        ("- TDMP phải lượng vừa.\n- TDMP trái lượng ít.", "- Tràn dịch màng phổi hai bên."),
        ("- Nốt mờ đáy phổi phải.\n- Ngoài ra không thấy bất thường.", "- Nốt mờ đáy phổi phải."),
        ("- Không thấy nốt mờ đỉnh phổi phải.\n- Nốt mờ đáy phổi phải.", "- Nốt mờ đáy phổi phải."),
        ("- Vài nốt mờ nhỏ rải rác hai phổi.", "- Nhiều nốt mờ hai phổi."),
        ("- Đông đặc thùy giữa.", "- Viêm phổi thùy giữa."),
        ("- Đông đặc đáy phổi phải, theo dõi viêm phổi.", "- Đông đặc đáy phổi phải."),
        ("- Bóng tim to.\n- Ứ huyết phổi.\n- Tràn dịch màng phổi hai bên.", "- Suy tim sung huyết."),
        ("- Không thấy tổn thương phổi tiến triển.", "- Không thấy tổn thương phổi tiến triển."),
        ("- Tràn dịch màng phổi hai bên, bên phải nhiều hơn bên trái.", "- Tràn dịch màng phổi hai bên."),
        ("- Dày màng phổi vùng đỉnh hai bên.\n- Màng phổi: dày màng phổi vùng đỉnh.", "- Dày màng phổi hai bên."),
        ("- Trung thất giãn rộng.\n- Động mạch chủ lên giãn.", "- Giãn động mạch chủ lên."),
        ("- Nốt vôi hóa hai phổi.", "- Nốt vôi hóa phổi phải."),
        ("- Đông đặc thùy trên phổi phải, có xu hướng xơ hóa.", "- Đông đặc và xơ hóa thùy trên phổi phải."),
        ("- Màng phổi: không có dày hay tràn dịch.\n- Góc sườn hoành hai bên nhọn.", "- Phim hoàn toàn bình thường."),
        ("- Kích thước tim tăng rõ rệt.\n- Bóng tim to.", "- Bóng tim to."),
        ("- Trung thất không di lệch.\n- Vẹo cột sống.", "- Tim phổi trong giới hạn bình thường."),
    ],
)
def test_a_right_draft_raises_no_concern(findings: str, impression: str) -> None:
    assert found(findings, impression) == []


@pytest.mark.parametrize(
    ("findings", "impression", "expected"),
    [
        (
            "- Tràn dịch màng phổi trái.",
            "- Không tràn dịch màng phổi.",
            ("polarity-disagrees", "tràn dịch màng phổi", "Tràn dịch màng phổi"),
        ),
        (
            "- Tràn khí màng phổi phải lượng nhiều.",
            "- Tim phổi trong giới hạn bình thường.",
            ("polarity-disagrees", "Tim phổi trong giới hạn bình thường", "Tràn khí màng phổi"),
        ),
        (
            "- Tràn dịch màng phổi trái.",
            "- Tràn dịch màng phổi phải.",
            ("side-disagrees", "Tràn dịch màng phổi", "Tràn dịch màng phổi"),
        ),
        (
            "- Tràn dịch màng phổi trái lượng ít.",
            "- Tràn dịch màng phổi trái lượng nhiều.",
            ("degree-disagrees", "Tràn dịch màng phổi", "Tràn dịch màng phổi"),
        ),
        ("- Khối mờ thùy trên phổi trái.", "- Khối mờ thùy dưới phổi trái.", ("place-disagrees", "Khối mờ", "Khối mờ")),
        ("- Bóng tim to.", "- Bóng tim to.\n- Theo dõi lao phổi.", ("unsupported", "lao phổi", None)),
        ("- Bóng tim to.\n- Gãy xương sườn trái.", "- Bóng tim to.", ("dropped", "Gãy xương sườn", None)),
        (
            "- Bóng tim to.\n- Ống thông dạ dày lạc vào phế quản phải.",
            "- Bóng tim to.\n- Còn ống thông dạ dày.",
            ("dropped", "lạc vào phế quản phải", None),
        ),
        (
            "- Nốt mờ đáy phổi trái.\n- Không thấy nốt mờ phổi phải.",
            "- Nốt mờ phổi phải.\n- Nốt mờ đáy phổi trái.",
            ("polarity-disagrees", "Nốt mờ phổi", "nốt mờ phổi"),
        ),
        ("- Tràn dịch màng phổi.", "- Tràn dịch màng phổi.", ("side-missing", "Tràn dịch màng phổi", None)),
        (
            "- Xẹp phổi trái, tràn dịch màng phổi.",
            "- Xẹp phổi trái, tràn dịch màng phổi.",
            ("side-missing", "tràn dịch màng phổi", None),
        ),
        (
            "- Bóng tim to.\n- Bóng tim không to.",
            "- Bóng tim to.",
            ("contradicts-itself", "Bóng tim to", "Bóng tim không to"),
        ),
        ("- Bóng tim to.", "- Bóng tim to hơn so với phim cũ.", ("prior-mentioned", "so với phim", None)),
        ("- Bóng tim to.", "Xin lỗi, tôi không thể giúp.", ("not-a-report", "Xin lỗi", None)),
        ("- Bóng tim to.", "- 心影增大 bóng tim to.", ("not-a-report", "心影增大", None)),
        ("The heart is not enlarged.", "- Bóng tim to.", ("not-a-report", "The heart is not enlarged.", None)),
        (
            "- Bóng tim to.",
            "- Bóng tim to. Kết luận từ thông tin trên bệnh nhân bị gì?",
            ("not-a-report", "Kết luận từ thông tin trên bệnh nhân bị gì?", None),
        ),
        ("- Trời hôm nay đẹp quá.", "- Bóng tim to.", ("not-understood", "- Trời hôm nay đẹp quá.", None)),
        ("- Đông đặc đáy phổi phải.", "- Viêm phổi trái.", ("side-disagrees", "Viêm phổi", "Đông đặc")),
        (
            "- Tràn dịch màng phổi hai bên.",
            "- Tràn dịch màng phổi trái.",
            ("side-disagrees", "Tràn dịch màng phổi", "Tràn dịch màng phổi"),
        ),
        (
            "- Chưa loại trừ tràn khí màng phổi trái.",
            "- Không tràn khí màng phổi.",
            ("polarity-disagrees", "tràn khí màng phổi", "tràn khí màng phổi"),
        ),
        (
            "- Hang thùy trên phổi phải.\n- Xơ hóa đỉnh phổi trái.",
            "- Hang thùy trên phổi phải, theo dõi lao phổi.",
            ("dropped", "Xơ hóa", None),
        ),
        (
            "- Gãy xương sườn trái.\n- Khung xương không thấy bất thường.",
            "- Gãy xương sườn trái.",
            ("contradicts-itself", "Gãy xương sườn", "Khung xương không thấy bất thường"),
        ),
        (
            "- Tràn dịch màng phổi phải lượng ít.\n- Dịch màng phổi phải lượng nhiều.",
            "- Tràn dịch màng phổi phải.",
            ("contradicts-itself", "Dịch màng phổi", "Tràn dịch màng phổi"),
        ),
        ("- Trung thất bị đẩy lệch.", "- Bóng tim to.", ("side-missing", "Trung thất bị đẩy lệch", None)),
        ("- Bóng tim to như cũ.", "- Bóng tim to.", ("prior-mentioned", "như cũ", None)),
        ("- Không còn tràn khí màng phổi.", "- Bóng tim to.", ("prior-mentioned", "Không còn", None)),
        (
            "- Bóng tim to. No pleural effusion is seen.",
            "- Bóng tim to.",
            ("not-a-report", "No pleural effusion is seen.", None),
        ),
        ("- Bóng tim to.", '{"impression": "bóng tim to"}', ("not-a-report", "{", None)),
    ],
)
def test_what_is_wrong_is_named_with_its_places(
    findings: str, impression: str, expected: tuple[str, str, str | None]
) -> None:
    assert expected in found(findings, impression)


def test_two_passages_that_disagree_are_named_once() -> None:
    assert found("- Tràn dịch màng phổi trái.", "- Tràn dịch màng phổi phải.") == [
        ("side-disagrees", "Tràn dịch màng phổi", "Tràn dịch màng phổi")
    ]


def test_a_comparison_is_right_where_a_prior_was_given() -> None:
    text = "- Bóng tim to, không thay đổi so với phim cũ."

    assert "prior-mentioned" in {code for code, _, _ in found(text, text)}
    assert "prior-mentioned" not in {code for code, _, _ in found(text, text, has_prior=True)}


def test_what_is_drawn_from_cut_findings_says_so() -> None:
    codes = [code for code, _, _ in found("- Bóng tim to.\n- Tràn", "- Bóng tim to.", ended=FinishReason.LENGTH)]

    assert codes[0] == "section-incomplete" and "drawn-from-incomplete" in codes


def test_a_cut_section_is_not_said_to_invent_or_to_leave_out() -> None:
    cut = found("- Bóng tim to.\n- Tràn dịch", "- Bóng tim to.\n- Nốt mờ đỉnh phổi phải.", ended=FinishReason.LENGTH)
    emptied = found("- Bóng tim to.", "")

    assert "unsupported" not in {code for code, _, _ in cut}
    assert [code for code, _, _ in emptied] == ["section-incomplete"]


def test_an_empty_draft_is_incomplete_twice_and_nothing_else() -> None:
    codes = [code for code, _, _ in found("", "")]

    assert codes == ["section-incomplete", "section-incomplete", "drawn-from-incomplete"]


def test_words_without_marks_are_read_as_if_they_had_them() -> None:
    assert not found("Tran dich mang phoi phai luong it.", "- Tràn dịch màng phổi phải lượng ít.")


def test_words_without_marks_that_are_no_finding_are_not_understood_and_not_foreign() -> None:
    assert found("Benh nhan da duoc giai thich.", "- Bóng tim to.")[0][0] == "not-understood"


@pytest.mark.parametrize("finding", SUPPORT)
def test_what_supports_a_statement_has_a_reason(finding: Finding) -> None:
    support = SUPPORT[finding]

    assert support.reason.endswith(".") and support.signs | support.accompaniments
    assert not support.signs & support.accompaniments
    assert finding not in support.accompaniments


def test_what_may_go_unmentioned_is_no_diagnosis() -> None:
    assert not INCIDENTAL.keys() & DIAGNOSES and all(INCIDENTAL.values())


def test_letters_in_another_spelling_of_unicode_are_vietnamese_too() -> None:
    text = unicodedata.normalize("NFD", "- KHÔNG THẤY TRÀN KHÍ MÀNG PHỔI HAI BÊN.")

    assert "not-a-report" not in {code for code, _, _ in found(text, "- Bình thường.")}


def test_every_code_has_a_severity_and_the_gravest_are_high() -> None:
    place = Place(SectionName.FINDINGS, 0, 1)
    severities = {code: Concern(code, place).severity for code in ConcernCode}

    assert severities[ConcernCode.POLARITY_DISAGREES] is ConcernSeverity.HIGH
    assert severities[ConcernCode.SIDE_DISAGREES] is ConcernSeverity.HIGH
    assert severities[ConcernCode.SIDE_MISSING] is ConcernSeverity.LOW


words = st.sampled_from(
    ["bóng tim", "không", "to", "tràn dịch màng phổi", "trái", "phải", "so với phim cũ", ".", "\n- ", "nốt mờ", "the"]
)
texts = st.text(max_size=80) | st.lists(words, max_size=30).map(" ".join)


@given(texts, texts, st.sampled_from(FinishReason))
def test_any_text_is_checked_the_same_each_time_and_places_lie_inside_it(
    findings: str, impression: str, ended: FinishReason
) -> None:
    concerns = check(findings, impression, ended=ended)

    assert concerns == check(findings, impression, ended=ended)
    assert len(concerns) == len(set(concerns))
    lengths = {SectionName.FINDINGS: len(findings), SectionName.IMPRESSION: len(impression)}
    for place in (place for concern in concerns for place in (concern.place, concern.other) if place is not None):
        assert 0 <= place.start <= place.end <= lengths[place.section]
