"""What tells enlarged films is chosen on one half of the patients, and is what the gate uses."""

import json

import numpy as np

from serve_app.imaging import resolution
from serve_app.imaging.screen import GATE_CHECKPOINT
from tests.conftest import ROOT
from training.gate.collection import HALVES
from training.gate.sharpness import _COARSE, _FINE, Measured, choose

RESULT = json.loads((ROOT / "training" / "gate" / "results" / "sharpness.json").read_text(encoding="utf-8"))


def film(rng: np.random.Generator) -> Measured:
    spectrum = np.linspace(12, 6, 16) + rng.normal(0, 0.3, 16)
    lost = np.where(np.arange(16) > 8, spectrum - 5, spectrum)
    spectra = {name: spectrum if name in _FINE else lost for name in _FINE | _COARSE}
    return Measured("drawn", HALVES[0], spectra)


def test_the_bound_lies_between_films_and_what_lost_its_detail() -> None:
    rng = np.random.default_rng(0)
    weights, least_sum = choose([film(rng) for _ in range(40)])
    unseen = [film(rng) for _ in range(40)]
    assert all(one.spectra["as it is"] @ weights > least_sum for one in unseen)
    assert all(one.spectra[name] @ weights < least_sum for one in unseen for name in _COARSE)


def test_the_gate_uses_the_weights_of_the_result_file() -> None:
    assert resolution.WEIGHTS.tolist() == RESULT["weights"]
    assert RESULT["least_sum"] == resolution.LEAST_SUM


def test_of_the_half_that_chose_nothing_films_keep_their_detail_and_enlarged_ones_have_none() -> None:
    for name, counts in RESULT["called_fine"].items():
        if not name.endswith(HALVES[1]):
            continue
        assert counts["as it is"] >= 0.99 * counts["films"], name
        assert all(counts[change] <= 0.02 * counts["films"] for change in _COARSE), name


def test_the_card_states_the_counts_of_the_other_half() -> None:
    card = " ".join(GATE_CHECKPOINT.with_name("README.md").read_text(encoding="utf-8").split())
    real = [v for k, v in RESULT["called_fine"].items() if k.endswith(HALVES[1]) and not k.startswith("phantoms")]
    num_films, num_fine = (sum(counts[key] for counts in real) for key in ("films", "as it is"))
    enlargements = [change for change in _COARSE if change.startswith("enlarged")]
    num_passed = sum(counts[change] for counts in real for change in enlargements)
    assert (num_fine, num_passed) == (num_films, 1)
    assert f"all {num_films} films keep" in card
    assert f"of {num_films * len(enlargements):,} enlargements from 80 pixels one does" in card
