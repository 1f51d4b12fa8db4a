"""What the gate is trained on: drawn, varied, repeatable, and free of the published samples."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from serve_app.imaging.screen import CLASSES
from training.gate.augment import detail, make_non_chest, make_unusual, vary
from training.gate.examples import DRAWN, Examples, Picture, stock
from training.gate.films import PatientFilm
from training.gate.laterals import lateral_chest
from training.gate.network import Network, export
from training.gate.panoramas import panorama
from training.gate.pictures import VALIDATION, load_pictures

# The pictures of scikit-image that are among the published negative samples.
SAMPLED = {"astronaut", "coffee", "horse", "retina", "hubble_deep_field", "text"}


@pytest.mark.parametrize("draw", [*DRAWN.values(), lateral_chest, panorama])
def test_every_drawing_shows_something_new_each_time(draw: Callable[[np.random.Generator], Picture]) -> None:
    rng = np.random.default_rng(0)
    first, second = draw(rng), draw(rng)
    assert first.dtype == np.uint8
    assert first.ndim == 2
    assert min(first.shape) >= 64
    assert np.ptp(first) > 40
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_no_sampled_picture_is_trained_on() -> None:
    pictures = load_pictures()
    assert not SAMPLED & set(pictures)
    assert set(pictures) >= VALIDATION
    assert all(picture.dtype == np.uint8 and picture.ndim == 2 for picture in pictures.values())


def test_examples_repeat_by_seed_and_cover_every_class() -> None:
    rng = np.random.default_rng(0)
    film = PatientFilm("a", "p", "pa", rng.integers(0, 255, (150, 192), dtype=np.uint8))
    source = stock([film], [film.pixels], ["leg", "fan"], 1, rng)
    once, again = (list(Examples(source, 40, seed=5)) for _ in range(2))
    assert {label for _, label in once} == set(range(len(CLASSES)))
    for (square, label), (same_square, same_label) in zip(once, again, strict=True):
        assert square.shape == (1, 96, 96)
        assert label == same_label
        assert np.array_equal(square, same_square)


@pytest.mark.parametrize("change", [vary, make_unusual, make_non_chest, detail])
def test_changes_leave_the_original_alone(change: Callable[..., Picture]) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (150, 192), dtype=np.uint8)
    copy = picture.copy()
    for seed in range(20):
        changed = change(picture, np.random.default_rng(seed))
        assert changed.dtype == np.uint8
        assert min(changed.shape) >= 8
    assert np.array_equal(picture, copy)


def test_the_exported_network_answers_as_the_trained_one(tmp_path: Path) -> None:

    torch.manual_seed(0)
    network = Network().eval()
    path = tmp_path / "gate.onnx"
    export(network, 1.7, path)
    films = torch.rand(3, 1, 96, 96)
    expected = torch.softmax(network(films) / 1.7, dim=1).detach().numpy()
    answer = onnxruntime.InferenceSession(path).run(None, {"film": films.numpy()})[0]
    assert np.allclose(answer, expected, atol=1e-4)
