"""What a lesson asks, in words and in pixels, is what the serving engine hands to the model, byte for byte."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import AutoImageProcessor, PreTrainedTokenizerBase

from serve_app.cluster.environment import prepare_environment
from serve_app.domain.conversation import GenerationRequest, Role, Turn
from serve_app.domain.errors import Unavailable
from serve_app.domain.facts import Fact, Finding
from serve_app.domain.radiograph import GateOutcome, GateVerdict, Radiograph, Source
from serve_app.imaging.normalize import normalize
from serve_app.reasoning.prompts import PROMPTS
from serve_app.settings import Settings
from training.conversation import IGNORED
from training.data.prepared import patient_of, view_of
from training.data.store import FEATURES
from training.phantoms import draw, sample
from training.stages.collate import Collator, rgb_of
from training.stages.config import StageConfig
from training.stages.lessons import lessons_of

MAX_VISUAL_TOKENS = 36
Render = Callable[[tuple[Turn, ...]], dict[str, Any]]


@pytest.fixture(scope="module")
def film() -> Radiograph:
    """A drawn film as serving prepares it."""
    scene = sample(np.random.default_rng(7))
    small = replace(scene, technique=replace(scene.technique, width_px=200, height_px=240))
    pixels = normalize(draw(small), MAX_VISUAL_TOKENS)
    return Radiograph(pixels, "digest", Source("PNG", 200, 240, 8), GateVerdict(GateOutcome.PASS, 1.0, "drawn"))


@pytest.fixture
def study(film: Radiograph, row: Callable[..., dict[str, object]]) -> dict[str, object]:
    pixels = film.pixels[:, :, 0].tobytes()
    return row(Fact(Finding.CARDIOMEGALY), Fact(Finding.PACEMAKER), size_px=film.pixels.shape[:2], pixels=pixels)


@pytest.fixture(scope="module")
def render(base: Path) -> Iterator[Render]:
    """The engine's own rendering with vLLM's own renderer, without the engine's processes."""
    settings = Settings()
    prepare_environment(settings)
    from vllm.renderers import renderer_from_config

    from serve_app.engines.vllm_engine import VllmEngine

    engine = VllmEngine(settings.model.model_copy(update={"source": str(base)}), settings.engine, MAX_VISUAL_TOKENS)
    config = engine._args.create_engine_config()
    renderer = renderer_from_config(config)
    parts = SimpleNamespace(renderer=renderer, model_config=config.model_config)
    # A tenant of its own each time: vLLM hands the pixels of an image that it knows over only once.
    tenants = count()
    yield lambda turns: asyncio.run(engine._render(parts, str(next(tenants)), GenerationRequest("one", turns)))
    renderer.shutdown()


@pytest.fixture
def batch(
    study: dict[str, object],
    config: Callable[..., StageConfig],
    base: Path,
    tokenizer: PreTrainedTokenizerBase,
) -> Callable[[str], dict[str, torch.Tensor]]:
    def make(stage: str) -> dict[str, torch.Tensor]:
        lessons, _ = lessons_of(Dataset.from_list([study], features=FEATURES), config(stage), tokenizer)
        return Collator(AutoImageProcessor.from_pretrained(base), tokenizer)([lessons[0]])

    return make


def turns(study: dict[str, object], film: Radiograph, stage: str) -> tuple[Turn, ...]:
    """What serving sends for the answer that a stage teaches."""
    prompts = PROMPTS["clara-vi-1"]
    first = Turn(Role.USER, prompts.findings_question(patient_of(study), [view_of(study)]), (film,))
    if stage == "findings":
        return (first,)
    return (first, Turn(Role.ASSISTANT, str(study["findings"])), Turn(Role.USER, prompts.impression_question()))


@pytest.mark.parametrize("stage", ["findings", "impression"])
def test_the_words_before_the_learned_answer_are_the_served_prompt(
    stage: str, study: dict[str, object], film: Radiograph, batch: Callable[[str], Any], render: Render
) -> None:
    trained = batch(stage)
    num_asked = int((trained["labels"][0] != IGNORED).int().argmax())
    served = render(turns(study, film, stage))
    assert trained["input_ids"][0, :num_asked].tolist() == served["prompt_token_ids"]
    (place,) = served["mm_placeholders"]["image"]
    marked = trained["mm_token_type_ids"][0].nonzero().flatten().tolist()
    assert marked == list(range(place.offset, place.offset + place.length))


def test_the_chat_lesson_goes_through_both_served_prompts(
    study: dict[str, object], film: Radiograph, batch: Callable[[str], Any], render: Render
) -> None:
    trained = batch("chat")["input_ids"][0].tolist()
    for stage in ("findings", "impression"):
        served = render(turns(study, film, stage))["prompt_token_ids"]
        assert trained[: len(served)] == served


def test_the_pixels_are_the_served_ones(
    study: dict[str, object], film: Radiograph, batch: Callable[[str], Any], render: Render, base: Path
) -> None:
    assert np.asarray(rgb_of(study)).tobytes() == film.pixels.tobytes()
    trained = batch("findings")
    (served,) = render(turns(study, film, "findings"))["mm_kwargs"]["image"]
    assert served["image_grid_thw"].data.tolist() == trained["image_grid_thw"][0].tolist()
    # vLLM holds patches as bytes and scales them on the device; scaled back, ours are the same bytes.
    processor = AutoImageProcessor.from_pretrained(base)
    patches = trained["pixel_values"].reshape(len(trained["pixel_values"]), 3, -1)
    mean, std = (torch.tensor(values)[:, None] for values in (processor.image_mean, processor.image_std))
    as_bytes = ((patches * std + mean) * 255).round().to(torch.uint8)
    assert served["pixel_values"].data.dtype == torch.uint8
    assert as_bytes.flatten(1).equal(served["pixel_values"].data)


async def test_a_checkpoint_is_not_served_on_larger_films_than_it_was_trained_on(base: Path) -> None:
    settings = Settings()
    prepare_environment(settings)
    from serve_app.engines.vllm_engine import VllmEngine

    model = settings.model.model_copy(update={"source": str(base)})
    engine = VllmEngine(model, settings.engine, MAX_VISUAL_TOKENS + 1)
    with pytest.raises(Unavailable, match=f"at most {MAX_VISUAL_TOKENS} visual tokens"):
        await engine.start()
