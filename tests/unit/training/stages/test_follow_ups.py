"""A follow-up's answer says what the facts say, read back by the extractor that scores the model."""

from collections.abc import Collection

import pytest

from serve_app.domain.facts import Fact, Finding, Location, Polarity, Severity, Side
from serve_app.facts import extract
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


@pytest.mark.parametrize(
    "uncertain",
    [
        Fact(Finding.EDEMA, Polarity.UNCERTAIN, Side.BILATERAL),
        Fact(Finding.FIBROSIS, Polarity.UNCERTAIN, location=Location.DIFFUSE),
        Fact(Finding.INTERSTITIAL_DISEASE, Polarity.UNCERTAIN),
        Fact(Finding.LUNG_LESION, Polarity.UNCERTAIN),
    ],
)
def test_where_the_lungs_are_uncertain_no_lesion_of_them_is_denied(uncertain: Fact) -> None:
    denied = _denied_beside(uncertain)
    assert not {Finding.LUNG_LESION, Finding.ABNORMALITY} & denied
    assert {Finding.EFFUSION, Finding.CARDIOMEGALY, Finding.DEVICE} <= denied


@pytest.mark.parametrize(
    ("vague", "named"),
    [
        (Finding.LUNG_LESION, {Finding.NODULE, Finding.EDEMA}),
        (Finding.DEVICE, {Finding.DEVICE, Finding.PACEMAKER, Finding.CHEST_TUBE}),
        (Finding.ABNORMALITY, {Finding.ABNORMALITY, Finding.EFFUSION, Finding.CARDIOMEGALY}),
    ],
)
def test_where_something_uncertain_has_no_name_nothing_that_it_may_be_is_denied(
    vague: Finding, named: set[Finding]
) -> None:
    assert named <= _denied_beside(Fact(Finding.SCOLIOSIS, Polarity.UNCERTAIN)) | {Finding.ABNORMALITY}
    assert not named & _denied_beside(Fact(vague, Polarity.UNCERTAIN))


def test_a_fact_without_words_silences_the_questions() -> None:
    assert choose_follow_ups({Fact(Finding.LUNG_LESION)}, 99, study_rng(0, "a")) == ()


def _answers_about(finding: Finding, facts: Collection[Fact], seed: int) -> set[str]:
    pairs = choose_follow_ups(facts, 99, study_rng(seed, "a"))
    return {pair.answer for pair in pairs if pair.scope == {finding}}


def _denied_beside(uncertain: Fact) -> set[Finding]:
    pairs = [pair for seed in range(200) for pair in choose_follow_ups({uncertain}, 99, study_rng(seed, "a"))]
    return {fact.finding for pair in pairs for fact in pair.facts if fact.polarity is Polarity.ABSENT}
