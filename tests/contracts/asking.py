"""Asks an engine and collects what it says."""

from typing import Any

from serve_app.domain.call import Call
from serve_app.domain.conversation import Finished, GenerationRequest, Role, Sampling, TokenDelta, Turn
from serve_app.ports import Engine
from serve_app.settings import DEMO_CHECKPOINT
from tests.calls import call

IMPRESSION = Turn(Role.USER, "Kết luận từ thông tin trên bệnh nhân bị gì?")


def demo_tokenizer() -> Any:
    """The demo model's own."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(DEMO_CHECKPOINT)


async def answer(
    engine: Engine, request: GenerationRequest, asking: Call | None = None
) -> tuple[str, list[int], list[Finished]]:
    text, tokens, finishes = "", [], []
    async for event in engine.generate(asking or call(), request):
        if isinstance(event, TokenDelta):
            assert not finishes, "text after the end"
            text += event.text
            tokens += event.token_ids
        else:
            finishes.append(event)
    return text, tokens, finishes


async def report_tokens(engine: Engine, name: str, turn: Turn) -> tuple[list[int], list[int]]:
    findings, first, _ = await answer(engine, GenerationRequest(f"{name}-1", (turn,)))
    turns = (turn, Turn(Role.ASSISTANT, findings), IMPRESSION)
    _, second, _ = await answer(engine, GenerationRequest(f"{name}-2", turns))
    return first, second


async def margin_at(engine: Engine, turn: Turn, position: int) -> float:
    """How much likelier than the next best a token of turn 1 was: float order turns over near ties only."""
    sampling = Sampling(max_tokens=position + 1, num_logprobs=2)
    request = GenerationRequest(f"margin-{position}", (turn,), sampling)
    told = [
        place
        async for event in engine.generate(call(), request)
        if isinstance(event, TokenDelta)
        for place in event.logprobs or ()
    ]
    best, next_best, *_ = sorted(told[position].values(), reverse=True)
    return best - next_best
