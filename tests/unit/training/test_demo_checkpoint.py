"""The shipped checkpoint loads, answers in the grammar, and its answer depends on the image."""

import json

import pytest

from serve_app.domain.study import Patient
from serve_app.settings import DEMO_CHECKPOINT
from training.films import PAIR_STREAM, scene_rng
from training.measure import RESULT, Reader
from training.phantoms import Scene, findings_of, pair
from training.phantoms.report import is_in_grammar
from training.train_demo import Recipe

Answers = tuple[tuple[Scene, Scene], list[str]]


@pytest.fixture(scope="module")
def answers() -> Answers:
    scenes = pair(scene_rng(Recipe().seed, PAIR_STREAM, 0))
    return scenes, Reader(DEMO_CHECKPOINT, Recipe()).read(scenes, [Patient()] * 2)


def test_the_answer_depends_on_the_image(answers: Answers) -> None:
    _, (first, second) = answers
    assert first != second


def test_the_answers_differ_in_the_finding_that_differs(answers: Answers) -> None:
    (one, other), (first, second) = answers
    assert findings_of(first) ^ findings_of(second) == one.findings ^ other.findings


def test_the_answers_are_in_the_grammar(answers: Answers) -> None:
    assert all(is_in_grammar(answer) for answer in answers[1])


def test_the_folder_is_small_and_has_a_card() -> None:
    assert sum(file.stat().st_size for file in DEMO_CHECKPOINT.iterdir()) <= 16 * 2**20
    card = (DEMO_CHECKPOINT / "README.md").read_text(encoding="utf-8")
    assert "not a medical device" in card and "không phải thiết bị y tế" in card


def test_the_published_result_meets_its_objective() -> None:
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    assert result["pairs"]["num_pairs"] >= 100
    assert result["pairs"]["differ_exactly_ratio"] >= 0.8
    assert result["films"]["mean_findings_tokens"] >= 35
