"""A dialogue with one engine: each question is asked with the answers before it, and none after a failure."""

import contextlib
from collections.abc import AsyncGenerator

import pytest

from serve_app.domain.call import Call
from serve_app.domain.conversation import (
    Dialogue,
    Finished,
    FinishReason,
    FollowUp,
    GenerationEvent,
    GenerationRequest,
    Role,
    Sampling,
    TokenDelta,
    Turn,
    Usage,
)
from serve_app.domain.errors import EngineGone
from serve_app.engines.dialogue import EngineChat
from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.ports import ModelCard
from serve_app.settings import ScriptedSettings
from tests.calls import call

OPENING = GenerationRequest(
    "one",
    (Turn(Role.USER, "Mô tả?"),),
    Sampling(max_tokens=5),
    adapter="stage-1",
)
CALL = call("hospital-a", timeout_s=1e6, priority=2, trace_context={"traceparent": "00-1-2-01"})
FOLLOW_UP = FollowUp("two", "Kết luận?", Sampling(max_tokens=7), "stage-2")


async def test_the_next_question_is_asked_with_the_answer_before_it() -> None:
    engine = ScriptedEngine()

    _, *events = [event async for event in EngineChat(engine).converse(CALL, Dialogue(OPENING, (FOLLOW_UP,)))]

    first, second = engine.requests
    answer = "".join(event.text for event in events[: events.index(next(e for e in events if isinstance(e, Finished)))])
    assert first == OPENING
    assert second.turns == (*OPENING.turns, Turn(Role.ASSISTANT, answer), Turn(Role.USER, "Kết luận?"))
    assert (second.request_id, second.sampling, second.adapter) == ("two", FOLLOW_UP.sampling, "stage-2")
    assert list(engine.calls) == [CALL, CALL]
    assert [event.usage.completion_tokens for event in events if isinstance(event, Finished)] == [5, 7]


async def test_who_answers_is_said_first_and_once() -> None:
    class Asked(ScriptedEngine):
        num_asked = 0

        async def describe(self) -> ModelCard:
            self.num_asked += 1
            return await super().describe()

    engine = Asked()
    chat = EngineChat(engine)

    for _ in range(2):
        events = [event async for event in chat.converse(CALL, Dialogue(OPENING, (FOLLOW_UP,)))]

        cards = [event for event in events if isinstance(event, ModelCard)]
        assert cards == events[:1] == [ModelCard("scripted", "scripted", "1")]
    assert engine.num_asked == 1, "a model server elsewhere is not asked before every report"


async def test_a_single_question_has_a_single_answer() -> None:
    events = [event async for event in EngineChat(ScriptedEngine()).converse(CALL, Dialogue(OPENING))]

    assert [isinstance(event, Finished) for event in events].count(True) == 1
    assert isinstance(events[-1], Finished)


async def test_nothing_is_asked_after_an_engine_died() -> None:
    engine = ScriptedEngine(ScriptedSettings(dies_after_tokens=2))

    with pytest.raises(EngineGone):
        _ = [event async for event in EngineChat(engine).converse(CALL, Dialogue(OPENING, (FOLLOW_UP,)))]

    assert list(engine.requests) == [OPENING]


async def test_nothing_is_asked_after_an_answer_without_an_end() -> None:
    class Mumbling(ScriptedEngine):
        async def generate(self, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
            self.requests.append(request)
            yield Finished(FinishReason.STOP, Usage(1, 1))
            yield TokenDelta("- Bóng tim")

    engine = Mumbling()

    with pytest.raises(EngineGone):
        _ = [event async for event in EngineChat(engine).converse(CALL, Dialogue(OPENING, (FOLLOW_UP,)))]

    assert list(engine.requests) == [OPENING]


async def test_leaving_in_the_second_answer_frees_the_engine() -> None:
    engine = ScriptedEngine(ScriptedSettings(token_s=0.001))

    async with contextlib.aclosing(EngineChat(engine).converse(CALL, Dialogue(OPENING, (FOLLOW_UP,)))) as events:
        async for event in events:
            if len(engine.requests) == 2 and isinstance(event, TokenDelta):
                break
        assert engine.num_running == 1

    assert engine.num_running == 0


@pytest.mark.parametrize("place", ["opening", "follow-up"])
def test_an_answer_with_several_samples_has_no_next_question(place: str) -> None:
    several = Sampling(num_samples=2)
    opening = GenerationRequest("one", OPENING.turns, several if place == "opening" else Sampling())

    with pytest.raises(ValueError, match="one sample"):
        Dialogue(opening, (FollowUp("two", "?", several if place == "follow-up" else Sampling()),))
