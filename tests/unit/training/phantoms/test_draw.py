"""Drawn films: the same seed gives the same film, and what a scene says is what the film shows, where and how large."""

from dataclasses import replace

import numpy as np
import pytest

from serve_app.domain.facts import Fact, Finding, Location, Severity, Side
from serve_app.imaging.normalize import normalize
from training.demo.eye import EyeRecipe
from training.phantoms import Scene, Sign, draw, draw_deep, fact_layers, pair, sample, without
from training.phantoms.plane import thorax
from training.phantoms.sampling import every_fact
from training.phantoms.technique import sample_technique

BUDGET_TOKENS = EyeRecipe().max_visual_tokens
# In thorax coordinates, the middles of where shadows of each zone lie.
ZONES = {Location.APEX: 0.17, Location.UPPER: 0.28, Location.MIDDLE: 0.45, Location.LOWER: 0.61}
# Changes of the chest itself: all that moved differs, not only the part that shows them.
OF_THE_CHEST = {
    Finding.EMPHYSEMA,
    Finding.MEDIASTINAL_SHIFT,
    Finding.CARDIOMEGALY,
    Finding.SCOLIOSIS,
    Finding.ELEVATED_DIAPHRAGM,
    Finding.AORTIC_ENLARGEMENT,
}


def film_of(fact: Fact, seed: int = 0) -> Scene:
    """Draw one fact and nothing else."""
    rng = np.random.default_rng(seed)
    return Scene(sample_technique(rng), (Sign(fact, *(float(number) for number in rng.random(4))),))


def seen_change(fact: Fact, seed: int) -> np.ndarray:
    """Show what one fact changes in the image that the model is given."""
    with_it = film_of(fact, seed)
    one, other = (
        normalize(draw(scene), BUDGET_TOKENS)[:, :, 0].astype(int) for scene in (with_it, without(with_it, fact))
    )
    return np.abs(one - other)


def test_the_same_seed_draws_the_same_film() -> None:
    one, other = (draw(sample(np.random.default_rng(7))) for _ in range(2))
    assert np.array_equal(one, other)


def test_a_film_is_grey_and_uses_its_range() -> None:
    film = draw(sample(np.random.default_rng(3)))
    assert film.dtype == np.uint8 and film.ndim == 2
    assert np.percentile(film, 2) < 60 and np.percentile(film, 98) > 120


@pytest.mark.parametrize("num_bits", [10, 12, 16])
def test_deep_films_show_the_same(num_bits: int) -> None:
    scene = sample(np.random.default_rng(3))
    deep = draw_deep(scene, num_bits)
    assert deep.dtype == np.uint16 and deep.max() <= 2**num_bits - 1
    assert np.abs(deep / (2**num_bits - 1) - draw(scene) / 255).max() < 0.003


@pytest.mark.parametrize(
    "fact", every_fact(), ids=lambda fact: "-".join(str(part) for part in (fact.finding, fact.side))
)
def test_every_fact_is_visible_in_what_the_model_is_given(fact: Fact) -> None:
    """At the demo's budget at least thirty pixels change clearly, in every one of some films."""
    for seed in range(3):
        assert (seen_change(fact, seed) > 15).sum() >= 30, seed


@pytest.mark.parametrize("seed", range(12))
def test_every_fact_of_a_film_has_a_place(seed: int) -> None:
    scene = sample(np.random.default_rng(seed), crowding=2.0)
    layers = fact_layers(scene)
    assert set(layers) == scene.facts
    assert all(layer.max() > 0.1 for layer in layers.values())


@pytest.mark.parametrize("side", [Side.RIGHT, Side.LEFT])
def test_the_patients_right_is_on_the_images_left(side: Side) -> None:
    # A line into the right atrium, a lead into the heart and a shifted heart cross the midline.
    crossing = {Finding.CENTRAL_VENOUS_CATHETER, Finding.PACEMAKER, Finding.MEDIASTINAL_SHIFT}
    for fact in every_fact():
        if fact.side is side and fact.finding not in crossing:
            (layer,) = fact_layers(film_of(fact)).values()
            centre = (layer.sum(axis=0) * np.arange(layer.shape[1])).sum() / layer.sum() / layer.shape[1]
            assert bool(centre < 0.5) is (side is Side.RIGHT), fact


def test_a_shadow_lies_in_the_zone_that_its_fact_names() -> None:
    for fact in every_fact():
        if fact.location is None:
            continue
        scene = film_of(fact)
        (layer,) = fact_layers(scene).values()
        height = (layer * thorax(scene.technique).y).sum() / layer.sum()
        nearest = min(ZONES, key=lambda zone: abs(ZONES[zone] - height))
        assert nearest is fact.location, fact


@pytest.mark.parametrize("finding", [Finding.EFFUSION, Finding.EDEMA, Finding.CARDIOMEGALY])
def test_more_of_a_finding_covers_more_of_the_film(finding: Finding) -> None:
    some, much = (
        next(fact for fact in every_fact() if (fact.finding, fact.severity) == (finding, severity))
        for severity in (Severity.MILD, Severity.SEVERE)
    )
    for seed in range(3):
        covered = [fact_layers(film_of(fact, seed))[fact].sum() for fact in (some, replace(much, side=some.side))]
        assert covered[0] < covered[1]


def test_nothing_lies_on_another_pixel_than_where_it_is_said_to_be() -> None:
    """The difference of a pair is inside the layer of the fact in which it differs, but for the enlarged border."""
    for seed in range(10):
        one, other = pair(np.random.default_rng(seed))
        (fact,) = one.facts - other.facts
        if fact.finding in OF_THE_CHEST:
            continue
        changed = np.abs(draw(one).astype(int) - draw(other)) > 40
        said = fact_layers(one)[fact] > 0.01
        rows, columns = np.nonzero(changed)
        near = np.array(
            [
                said[max(0, r // 2 - 8) : r // 2 + 9, max(0, c // 2 - 8) : c // 2 + 9].any()
                for r, c in zip(rows, columns, strict=True)
            ]
        )
        assert near.mean() > 0.95, fact
