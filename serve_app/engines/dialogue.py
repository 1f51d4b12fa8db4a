"""Runs a dialogue on one engine: sends the next question as soon as an answer is complete."""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator

from serve_app.domain.call import Call
from serve_app.domain.conversation import (
    Dialogue,
    Finished,
    FollowUp,
    GenerationRequest,
    Role,
    TokenDelta,
    Turn,
)
from serve_app.domain.errors import EngineGone
from serve_app.ports import DialogueEvent, Engine, ModelCard


class EngineChat:
    """Implements the `ChatModel` port over an engine in this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # An engine keeps its model for life, so a remote server need not be queried before every dialogue.
        self._card: ModelCard | None = None

    async def converse(self, call: Call, dialogue: Dialogue) -> AsyncGenerator[DialogueEvent]:
        """Yield the model card, then stream the answers; see `ports.ChatModel`."""
        if self._card is None:
            self._card = await self._engine.describe()
        yield self._card
        request = dialogue.opening
        for follow_up in (*dialogue.follow_ups, None):
            answer, is_finished = "", False
            async with contextlib.aclosing(self._engine.generate(call, request)) as events:
                async for event in events:
                    if isinstance(event, TokenDelta):
                        answer += event.text
                    is_finished = isinstance(event, Finished)
                    yield event
            if not is_finished:
                raise EngineGone("the model engine ended its answer without a finish reason")
            if follow_up is not None:
                request = _continued(request, answer, follow_up)


def _continued(request: GenerationRequest, answer: str, follow_up: FollowUp) -> GenerationRequest:
    return dataclasses.replace(
        request,
        request_id=follow_up.request_id,
        turns=(*request.turns, Turn(Role.ASSISTANT, answer), Turn(Role.USER, follow_up.question)),
        sampling=follow_up.sampling,
        adapter=follow_up.adapter,
    )
