import numpy as np
import pytest

from serve_app.domain.facts import Finding, Side
from training.phantoms.sampling import pair, sample


def test_the_same_seed_gives_the_same_scene_and_another_seed_another() -> None:
    one, again, other = (sample(np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert one == again and one != other


@pytest.mark.parametrize("seed", range(30))
def test_a_pair_differs_in_one_fact_and_not_in_technique(seed: int) -> None:
    one, other = pair(np.random.default_rng(seed))
    assert len(one.facts - other.facts) == 1 and other.facts < one.facts
    assert one.technique == other.technique


def test_findings_are_chosen_often_enough_and_contradictions_never() -> None:
    rng = np.random.default_rng(0)
    films = [{(fact.finding, fact.side) for fact in sample(rng).facts} for _ in range(1000)]
    assert 0.08 < sum(not film for film in films) / len(films) < 0.16
    for side in (Side.RIGHT, Side.LEFT):
        assert sum((Finding.CONSOLIDATION, side) in film for film in films) >= 40
        assert not any({(Finding.EFFUSION, side), (Finding.PNEUMOTHORAX, side)} <= film for film in films)
