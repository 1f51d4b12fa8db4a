"""A follow-up's answer says what the facts say, read back by the extractor that scores the model."""

from collections.abc import Collection

import pytest

from serve_app.domain.facts import Fact, Finding, Location, Polarity, Severity, Side
from serve_app.reasoning.facts import extract
from training.stages.follow_ups import choose_follow_ups, study_rng

LEFT_EFFUSION = Fact(Finding.EFFUSION, side=Side.LEFT, severity=Severity.MILD)
FILMS = (
    frozenset[Fact](),
    frozenset({LEFT_EFFUSION, Fact(Finding.PACEMAKER)}),
    frozenset({Fact(Finding.CARDIOMEGALY), Fact(Finding.CONSOLIDATION, side=Side.RIGHT)}),
    frozenset({Fact(Finding.NODULE, side=Side.RIGHT, location=Location.UPPER), Fact(Finding.STERNAL_WIRES)}),
)


@pytest.mark.parametrize("facts", FILMS)
def test_every_answer_is_judged_right_by_its_facts(facts: Collection[Fact]) -> None:
    for seed in range(20):
        for pair in choose_follow_ups(facts, 99, study_rng(seed, "study")):
            assert pair.is_answered_by(extract(pair.answer)), pair


def test_the_effusion_is_affirmed_with_side_and_amount_and_denied_where_there_is_none() -> None:
    there, absent = set[str](), set[str]()
    for seed in range(60):
        there |= _answers_about(Finding.EFFUSION, {LEFT_EFFUSION}, seed)
        absent |= _answers_about(Finding.EFFUSION, set(), seed)
    assert "Có, tràn dịch màng phổi trái lượng ít." in there
    assert "Không thấy tràn dịch màng phổi." in absent
    assert not any(answer.startswith("Có") for answer in absent)


def test_a_study_is_always_asked_the_same_and_studies_are_asked_differently() -> None:
    def asked(study_id: str, seed: int = 1) -> tuple[str, ...]:
        return tuple(pair.question for pair in choose_follow_ups(FILMS[1], 4, study_rng(seed, study_id)))

    assert asked("a") == asked("a")
    assert len({asked("a"), asked("b"), asked("c"), asked("a", seed=2)}) == 4


def test_no_more_is_asked_than_allowed() -> None:
    assert len(choose_follow_ups(FILMS[1], 2, study_rng(0, "a"))) == 2
    assert choose_follow_ups(FILMS[1], 0, study_rng(0, "a")) == ()


def test_what_is_uncertain_is_not_asked_for() -> None:
    facts = {LEFT_EFFUSION, Fact(Finding.CARDIOMEGALY, Polarity.UNCERTAIN)}
    for seed in range(20):
        for pair in choose_follow_ups(facts, 99, study_rng(seed, "a")):
            assert Finding.CARDIOMEGALY not in pair.scope


def test_a_fact_without_words_silences_the_questions() -> None:
    assert choose_follow_ups({Fact(Finding.LUNG_LESION)}, 99, study_rng(0, "a")) == ()


def _answers_about(finding: Finding, facts: Collection[Fact], seed: int) -> set[str]:
    pairs = choose_follow_ups(facts, 99, study_rng(seed, "a"))
    return {pair.answer for pair in pairs if pair.scope == {finding}}
