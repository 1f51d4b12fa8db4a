import unicodedata
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.domain.facts import Fact, Finding, Location, Polarity, Severity, Side
from serve_app.facts import extract
from training.phantoms.questions import FollowUp, follow_ups
from training.phantoms.report import (
    REPORT_ORDER,
    findings_text,
    impression_text,
    merge_sides,
    suspected,
)
from training.phantoms.wording import STATEMENTS, draw_style

ZONES = (Location.UPPER, Location.MIDDLE, Location.LOWER)
MILD_OR_SEVERE = (Severity.MILD, Severity.SEVERE)
# What may be drawn: a finding's sides, places and amounts.
LOCATED = {
    Finding.CONSOLIDATION: ZONES,
    Finding.NODULE: (None, *Location),
    Finding.MASS: (None, *Location),
    Finding.CAVITY: ZONES,
    Finding.CALCIFICATION: (None, *ZONES),
    Finding.FIBROSIS: (Location.APEX, Location.UPPER),
    Finding.ATELECTASIS: (Location.LOWER, Location.BASE),
}
SIDED = {
    Finding.EFFUSION: tuple(Severity),
    Finding.PNEUMOTHORAX: MILD_OR_SEVERE,
    Finding.PLEURAL_THICKENING: (None,),
    Finding.ELEVATED_DIAPHRAGM: (None,),
    Finding.RIB_FRACTURE: (None,),
    Finding.PACEMAKER: (None,),
    Finding.CENTRAL_VENOUS_CATHETER: (None,),
    Finding.CHEST_TUBE: (None,),
}
SINGLE = {
    Finding.EDEMA: [Fact(Finding.EDEMA, side=Side.BILATERAL, severity=severity) for severity in MILD_OR_SEVERE],
    Finding.EMPHYSEMA: [Fact(Finding.EMPHYSEMA, side=Side.BILATERAL)],
    Finding.CARDIOMEGALY: [Fact(Finding.CARDIOMEGALY, severity=severity) for severity in (None, *Severity)],
    Finding.MEDIASTINAL_SHIFT: [Fact(Finding.MEDIASTINAL_SHIFT, side=side) for side in (Side.RIGHT, Side.LEFT)],
    **{
        finding: [Fact(finding)]
        for finding in (
            Finding.AORTIC_ENLARGEMENT,
            Finding.AORTIC_CALCIFICATION,
            Finding.SCOLIOSIS,
            Finding.STERNAL_WIRES,
            Finding.PROSTHETIC_VALVE,
            Finding.ENDOTRACHEAL_TUBE,
            Finding.NASOGASTRIC_TUBE,
        )
    },
}
SEEDS = st.none() | st.integers(0, 10_000)
EVERY_FACT = [
    *(Fact(finding, side=side, location=place) for finding in LOCATED for side in Side for place in LOCATED[finding]),
    *(Fact(finding, side=side, severity=amount) for finding in SIDED for side in Side for amount in SIDED[finding]),
    *(fact for facts in SINGLE.values() for fact in facts),
]
EFFUSION_RIGHT = Fact(Finding.EFFUSION, side=Side.RIGHT, severity=Severity.MILD)
PACEMAKER_LEFT = Fact(Finding.PACEMAKER, side=Side.LEFT)


@st.composite
def films(draw: st.DrawFn) -> frozenset[Fact]:
    """Any set of facts that one film can show: a side has one amount, a place is told once."""
    told: set[Fact] = set()
    for finding in draw(st.sets(st.sampled_from([*LOCATED, *SIDED, *SINGLE]), max_size=6)):
        if finding in SINGLE:
            told.add(draw(st.sampled_from(SINGLE[finding])))
            continue
        for side in draw(st.sets(st.sampled_from((Side.RIGHT, Side.LEFT)), min_size=1)):
            if finding in SIDED:
                told.add(Fact(finding, side=side, severity=draw(st.sampled_from(SIDED[finding]))))
            else:
                told.add(Fact(finding, side=side, location=draw(st.sampled_from(LOCATED[finding]))))
    return frozenset(told)


def generator(seed: int | None) -> np.random.Generator | None:
    return None if seed is None else np.random.default_rng(seed)


def positive(text: str) -> frozenset[Fact]:
    return frozenset(fact for fact in extract(text) if fact.polarity is Polarity.PRESENT)


def test_every_fact_alone_is_read_back_from_every_wording() -> None:
    misread = {
        (fact, text)
        for fact in EVERY_FACT
        for seed in (None, *range(8))
        for text in (findings_text([fact], generator(seed)), impression_text([fact], generator(seed)))
        if positive(text) != {fact}
    }
    assert not misread


@settings(deadline=None)
@given(films(), SEEDS)
def test_the_findings_tell_exactly_the_facts(film: frozenset[Fact], seed: int | None) -> None:
    assert positive(findings_text(film, generator(seed))) == merge_sides(film)


@settings(deadline=None)
@given(films(), SEEDS)
def test_the_impression_adds_only_diagnoses_that_follow(film: frozenset[Fact], seed: int | None) -> None:
    text = impression_text(film, generator(seed))
    uncertain = {fact.finding for fact in extract(text) if fact.polarity is Polarity.UNCERTAIN}
    assert (positive(text), uncertain) == (merge_sides(film), suspected(film))


@settings(deadline=None)
@given(films(), SEEDS)
def test_nothing_is_both_seen_and_denied(film: frozenset[Fact], seed: int | None) -> None:
    facts = extract(findings_text(film, generator(seed)))
    denied = {(fact.finding, fact.side) for fact in facts if fact.polarity is Polarity.ABSENT}
    assert all({(fact.finding, fact.side), (fact.finding, None)}.isdisjoint(denied) for fact in merge_sides(film))


@settings(deadline=None)
@given(films(), SEEDS)
def test_every_line_is_a_bullet_that_ends_with_a_full_stop(film: frozenset[Fact], seed: int | None) -> None:
    for text in (findings_text(film, generator(seed)), impression_text(film, generator(seed))):
        assert unicodedata.is_normalized("NFC", text)
        assert all(line.startswith("- ") and line.endswith(".") and "  " not in line for line in text.split("\n"))


@settings(deadline=None)
@given(films(), st.integers(0, 10_000))
def test_one_seed_gives_one_report(film: frozenset[Fact], seed: int) -> None:
    texts = {findings_text(film, generator(seed)) for _ in range(2)}
    assert texts == {findings_text(sorted(film, key=repr), generator(seed))}


def test_a_normal_report_is_short_and_names_every_group() -> None:
    assert findings_text([]).splitlines() == [
        "- Hai phế trường sáng.",
        "- Không tràn dịch, tràn khí màng phổi.",
        "- Vòm hoành bình thường.",
        "- Bóng tim không to.",
        "- Trung thất không di lệch.",
        "- Quai động mạch chủ bình thường.",
        "- Khung xương không thấy bất thường.",
        "- Không thấy dụng cụ cản quang.",
    ]


def test_the_same_finding_on_both_sides_is_told_in_one_line() -> None:
    text = findings_text([EFFUSION_RIGHT, replace(EFFUSION_RIGHT, side=Side.LEFT)])
    assert "- Tràn dịch màng phổi hai bên lượng ít.\n" in text


def test_a_film_with_only_devices_is_concluded_as_normal() -> None:
    assert impression_text([PACEMAKER_LEFT]) == "- Tim phổi trong giới hạn bình thường.\n- Máy tạo nhịp bên trái."


def test_the_pneumothorax_is_concluded_first_and_devices_last() -> None:
    film = [
        PACEMAKER_LEFT,
        Fact(Finding.CARDIOMEGALY, severity=Severity.MILD),
        Fact(Finding.CONSOLIDATION, side=Side.LEFT, location=Location.LOWER),
        Fact(Finding.EDEMA, side=Side.BILATERAL, severity=Severity.SEVERE),
        Fact(Finding.PNEUMOTHORAX, side=Side.RIGHT, severity=Severity.SEVERE),
    ]
    assert impression_text(film).splitlines() == [
        "- Tràn khí màng phổi phải lượng nhiều.",
        "- Phù phổi hai bên nặng, bóng tim to nhẹ, theo dõi suy tim.",
        "- Đông đặc thùy dưới phổi trái, theo dõi viêm phổi.",
        "- Máy tạo nhịp bên trái.",
    ]


def test_a_report_keeps_one_manner_through_both_turns() -> None:
    for seed in range(50):
        texts = [write([EFFUSION_RIGHT], generator(seed)) for write in (findings_text, impression_text)]
        assert len({text.isupper() for text in texts}) == len({"(P)" in text for text in texts}) == 1


def test_reports_vary_in_words_abbreviations_and_capitals() -> None:
    texts = [findings_text([EFFUSION_RIGHT], generator(seed)) for seed in range(200)]
    assert len(set(texts)) > 100
    assert 15 < sum(text.isupper() for text in texts) < 50
    assert any("TDMP (P) lượng ít." in text for text in texts)
    assert any("Mờ góc sườn hoành phải, dịch màng phổi phải lượng ít." in text for text in texts)


def test_the_canonical_language_is_small() -> None:
    texts = [write([fact]) for fact in EVERY_FACT for write in (findings_text, impression_text)]
    words = {word.strip("-.,") for text in texts for word in text.casefold().split()}
    assert len(words) < 150


def test_a_fact_that_has_no_words_is_refused() -> None:
    for fact in (Fact(Finding.BRONCHIECTASIS), Fact(Finding.CARDIOMEGALY, side=Side.LEFT)):
        for write in (findings_text, impression_text):
            with pytest.raises(ValueError, match=f"no wording for .*{fact.finding}"):
                write([fact])


def test_synonyms_have_places_for_the_same_details() -> None:
    places = {"lung": "side", "side": "side", "at": "side", "to": "side", "fields": "side"}
    for finding, wordings in STATEMENTS.items():
        told = [
            {places.get(slot, slot) for slot in places | {"amount": "", "degree": ""} if f"{{{slot}}}" in words}
            for words in wordings
        ]
        assert all(slots == told[0] for slots in told), finding


@settings(deadline=None)
@given(films(), st.integers(0, 10_000))
def test_every_answer_states_its_facts_and_is_judged_right(film: frozenset[Fact], seed: int) -> None:
    for pair in follow_ups(film, np.random.default_rng(seed)):
        assert extract(pair.answer) == pair.facts, pair
        assert pair.is_answered_by(extract(pair.answer)), pair


@settings(deadline=None)
@given(films(), st.integers(0, 10_000))
def test_questions_are_asked_and_answers_are_sentences(film: frozenset[Fact], seed: int) -> None:
    for pair in follow_ups(film, np.random.default_rng(seed)):
        assert pair.question.endswith("?") and pair.answer.endswith(".")
        assert unicodedata.is_normalized("NFC", pair.question + pair.answer)
        assert pair.question[0].isupper() and "{" not in pair.question + pair.answer


def test_yes_and_no_are_asked_as_often() -> None:
    film = [EFFUSION_RIGHT, PACEMAKER_LEFT, Fact(Finding.NODULE, side=Side.LEFT, location=Location.UPPER)]
    pairs = [pair for seed in range(20) for pair in follow_ups(film, np.random.default_rng(seed))]
    asked = [pair for pair in pairs if len(pair.scope) == 1 and Finding.LUNG_LESION not in pair.scope]
    answers = Counter(fact.polarity for pair in asked if pair.question.endswith(" không?") for fact in pair.facts)
    assert answers[Polarity.PRESENT] == answers[Polarity.ABSENT] > 0


@pytest.mark.parametrize(
    ("told", "is_right"),
    [
        ({EFFUSION_RIGHT}, True),
        ({EFFUSION_RIGHT, PACEMAKER_LEFT}, True),
        ({replace(EFFUSION_RIGHT, side=Side.LEFT)}, False),
        ({EFFUSION_RIGHT, replace(EFFUSION_RIGHT, side=Side.LEFT)}, False),
        ({replace(EFFUSION_RIGHT, polarity=Polarity.ABSENT)}, False),
        (set(), False),
    ],
)
def test_an_answer_is_right_when_it_states_the_side_and_no_other(told: set[Fact], is_right: bool) -> None:
    wanted = frozenset({Fact(Finding.EFFUSION, side=Side.RIGHT)})
    pair = FollowUp("Tràn dịch màng phổi bên nào?", "", wanted, frozenset({Finding.EFFUSION}))
    assert pair.is_answered_by(told) is is_right


def test_without_a_generator_the_style_is_canonical() -> None:
    assert draw_style(None).choose("any", ("first", "second")) == "first"


def test_the_order_of_a_report_is_its_own_and_names_every_worded_finding() -> None:
    assert set(REPORT_ORDER) == set(STATEMENTS)
    assert len(REPORT_ORDER) == len(set(REPORT_ORDER))
    devices = [finding for finding in REPORT_ORDER if finding.is_device]
    assert REPORT_ORDER[-len(devices) :] == tuple(devices)
    assert devices[:2] == [Finding.PACEMAKER, Finding.STERNAL_WIRES]
