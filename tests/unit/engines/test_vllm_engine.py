"""What our side of vLLM does with what its core says; the core is played."""

import logging
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from serve_app.cluster.environment import prepare_environment
from serve_app.domain.conversation import Finished, FinishReason, GenerationRequest, TokenDelta, Usage
from serve_app.domain.errors import EngineGone, Unavailable
from serve_app.engines.warm_up import warm_up_request
from serve_app.ports import Engine
from serve_app.settings import Settings
from tests.calls import call

Output = SimpleNamespace
"""What is read of vLLM's `RequestOutput`."""


def output(text: str = "", finish_reason: str | None = None) -> Output:
    tokens = [7] if text else []
    part = SimpleNamespace(index=0, text=text, token_ids=tokens, logprobs=None, finish_reason=finish_reason)
    return Output(outputs=[part], prompt_token_ids=[1, 2, 3], num_cached_tokens=None)


ANSWER = [output("Tim "), output("to.", "stop")]
GIVEN_UP = [output(finish_reason="error")]


class Core:
    """Plays `AsyncLLM`: gives the answers it was made with, one after another, and keeps what it was asked."""

    def __init__(self, *answers: Sequence[Output | Exception]) -> None:
        self._answers = list(answers)
        self.prompts: list[Any] = []
        self.adapters: list[str | None] = []

    async def generate(
        self, prompt: Any, params: Any, request_id: str, *, lora_request: Any, **_: Any
    ) -> AsyncIterator[Output]:
        self.prompts.append(prompt)
        self.adapters.append(lora_request and lora_request.lora_name)
        for one in self._answers.pop(0):
            if isinstance(one, Exception):
                raise one
            yield one


def engine_of(core: Core, monkeypatch: pytest.MonkeyPatch, **model: Any) -> Engine:
    settings = Settings.model_validate({"model": model})
    prepare_environment(settings)
    from serve_app.engines.vllm_engine import VllmEngine

    engine = VllmEngine(settings.model, settings.engine, settings.preprocessor.max_visual_tokens)
    rendered = iter(range(100))

    async def render(llm: Core, tenant: str, request: GenerationRequest) -> int:
        return next(rendered)

    monkeypatch.setattr(engine, "_llm", core)
    monkeypatch.setattr(engine, "_load", lambda: core)
    monkeypatch.setattr(engine, "_render", render)
    return engine


async def test_a_film_that_vllm_gave_up_at_once_is_rendered_and_asked_about_once_more(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    core = Core(GIVEN_UP, ANSWER)
    caplog.set_level(logging.WARNING)

    events = [event async for event in engine_of(core, monkeypatch).generate(call(), warm_up_request("rpt-secret"))]

    assert events == [
        TokenDelta("Tim ", (7,)),
        TokenDelta("to.", (7,)),
        Finished(FinishReason.STOP, Usage(3, 2)),
    ]
    assert core.prompts == [0, 1]
    assert "retrying once" in caplog.text and "secret" not in caplog.text


@pytest.mark.parametrize(
    ("answers", "num_asked"),
    [((GIVEN_UP, GIVEN_UP), 2), (([output("Tim "), *GIVEN_UP],), 1), (([output("", "abort")],), 1)],
)
async def test_what_is_given_up_again_or_midway_is_an_error(
    answers: tuple[list[Output], ...], num_asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = Core(*answers)

    with pytest.raises(EngineGone, match="aborted this report") as caught:
        _ = [event async for event in engine_of(core, monkeypatch).generate(call(), warm_up_request())]

    assert type(caught.value) is EngineGone, "what crosses a handle is found again without vLLM"
    assert len(core.prompts) == num_asked


ADAPTERS = {"stage-1": "one", "stage-2": "two"}


async def test_a_start_has_asked_the_base_model_and_every_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    core = Core(ANSWER, ANSWER, ANSWER)

    await engine_of(core, monkeypatch, adapters=ADAPTERS).start()

    assert core.adapters == [None, "stage-1", "stage-2"]


async def test_an_adapter_that_cannot_be_loaded_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_environment(Settings())
    from vllm.v1.engine.exceptions import EngineDeadError

    core = Core(ANSWER, ANSWER, [EngineDeadError()])

    with pytest.raises(Unavailable, match="stage-2"):
        await engine_of(core, monkeypatch, adapters=ADAPTERS).start()


def test_the_memory_for_pixels_is_the_one_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Any = engine_of(Core(), monkeypatch)

    assert engine._args.mm_processor_cache_gb == 0.25
