"""Drawn films: the same seed gives the same film, and what a scene says is what the film shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.imaging.normalize import normalize
from training.phantoms import Finding, draw, draw_16_bit, finding_layers, findings_of, pair, sample
from training.phantoms.report import findings_text, impression_text, is_in_grammar
from training.phantoms.scene import KINDS, Kind, without

SEEDS = range(12)


def exclusive(findings: set[Finding]) -> set[Finding]:
    """Keep one amount of fluid a side, as a chest does."""
    kept = set(findings)
    for side in ("right", "left"):
        amounts = sorted(finding for finding in kept if finding.startswith(f"effusion-{side}"))
        kept -= set(amounts[1:])
    return kept


any_findings = st.sets(st.sampled_from(Finding)).map(exclusive)


def test_the_same_seed_draws_the_same_film() -> None:
    one, other = (draw(sample(np.random.default_rng(7))) for _ in range(2))
    assert np.array_equal(one, other)


def test_another_seed_draws_another_film() -> None:
    one, other = (sample(np.random.default_rng(seed)) for seed in (7, 8))
    assert one != other


def test_a_film_is_grey_and_uses_its_range() -> None:
    film = draw(sample(np.random.default_rng(3)))
    assert film.dtype == np.uint8 and film.ndim == 2
    assert np.percentile(film, 2) < 60 and np.percentile(film, 98) > 120


def test_sixteen_bits_show_the_same_film() -> None:
    scene = sample(np.random.default_rng(3))
    assert np.abs(draw_16_bit(scene) / 4095 - draw(scene) / 255).max() < 0.003


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pair_differs_in_one_finding_and_not_in_technique(seed: int) -> None:
    one, other = pair(np.random.default_rng(seed))
    assert len(one.findings - other.findings) == 1
    assert not other.findings - one.findings
    assert one.technique == other.technique


@pytest.mark.parametrize("seed", SEEDS)
def test_the_difference_of_a_pair_is_visible_to_the_model(seed: int) -> None:
    one, other = (normalize(draw(scene), 36)[:, :, 0].astype(int) for scene in pair(np.random.default_rng(seed)))
    assert (np.abs(one - other) > 15).sum() >= 30


@pytest.mark.parametrize("seed", SEEDS)
def test_every_finding_has_a_place(seed: int) -> None:
    scene = sample(np.random.default_rng(seed))
    layers = finding_layers(scene)
    assert set(layers) == scene.findings
    assert all(layer.max() > 0.15 for layer in layers.values())


@pytest.mark.parametrize(("name", "is_image_left"), [("right", True), ("left", False)])
def test_the_patients_right_is_on_the_images_left(name: str, is_image_left: bool) -> None:
    seen = 0
    for seed in range(30):
        for finding, layer in finding_layers(sample(np.random.default_rng(seed))).items():
            if f"-{name}" in finding:
                centre = (layer.sum(axis=0) * np.arange(layer.shape[1])).sum() / layer.sum() / layer.shape[1]
                assert (centre < 0.5) == is_image_left
                seen += 1
    assert seen > 10


def test_every_finding_is_drawn_now_and_then() -> None:
    rng = np.random.default_rng(0)
    scenes = [sample(rng) for _ in range(300)]
    assert set().union(*(scene.findings for scene in scenes)) == set(Finding)
    assert any(not scene.findings for scene in scenes)


@pytest.mark.parametrize("kind", KINDS)
def test_taking_a_kind_away_leaves_the_others(kind: Kind) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        scene = sample(rng)
        assert without(scene, kind, rng).findings == {fact for fact in scene.findings if not fact.startswith(kind)}


@given(any_findings)
def test_the_findings_text_can_be_read_back(findings: set[Finding]) -> None:
    text = findings_text(findings)
    assert findings_of(text) == findings
    assert is_in_grammar(text)


@given(any_findings)
def test_the_impression_can_be_read_back(findings: set[Finding]) -> None:
    assert findings_of(impression_text(findings)) == findings


@given(any_findings)
def test_every_line_is_a_bullet_in_composed_form(findings: set[Finding]) -> None:
    for line in (findings_text(findings) + "\n" + impression_text(findings)).splitlines():
        assert line.startswith("- ") and line.endswith(".")


@given(st.text())
def test_foreign_text_is_read_without_error(text: str) -> None:
    assert findings_of(text) <= set(Finding)


def test_a_normal_film_is_called_normal() -> None:
    assert impression_text(set()) == "- Tim phổi trong giới hạn bình thường."
    assert "Không tràn khí màng phổi." in findings_text(set())
