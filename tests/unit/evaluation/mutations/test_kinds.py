"""Right drafts pass every gate, and each way of making them wrong fails the one that is for it."""

import pytest

from evaluation.gates import read_gates
from evaluation.mutations.kinds import MUTATIONS
from evaluation.mutations.pairs import right_drafts
from evaluation.mutations.run import gates_that_fail
from evaluation.predictions import Prediction

NUM_DRAFTS = 80
GATES = read_gates()


@pytest.fixture(scope="module")
def right() -> list[Prediction]:
    return right_drafts(NUM_DRAFTS)


def test_right_drafts_pass_in_any_wording(right: list[Prediction]) -> None:
    assert gates_that_fail(right, right, GATES) == []
    assert gates_that_fail(right, right_drafts(NUM_DRAFTS, wording_seed=1_700_000_000), GATES) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_is_caught_by_its_gate(right: list[Prediction], name: str) -> None:
    wrong = MUTATIONS[name].mutate(right)
    assert wrong != right
    assert MUTATIONS[name].caught_by in gates_that_fail(right, wrong, GATES)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_leaves_the_references_alone(right: list[Prediction], name: str) -> None:
    wrong = MUTATIONS[name].mutate(right)
    assert [(one.study_id, one.reference) for one in wrong] == [(one.study_id, one.reference) for one in right]


def test_there_are_many_and_every_gate_is_for_one() -> None:
    assert len(MUTATIONS) >= 20
    assert {mutation.caught_by for mutation in MUTATIONS.values()} >= set(GATES) - {"fact_f1_complete"}
