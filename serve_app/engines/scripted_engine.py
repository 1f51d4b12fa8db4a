"""An engine that recites: same port, no model. For tests and for loads on everything but the model.

Its answer names the image it was given, so a test sees whether the image arrived.
"""

import asyncio
import time
from collections.abc import AsyncGenerator

from serve_app.domain.conversation import Finished, FinishReason, GenerationEvent, GenerationRequest, TokenDelta, Usage
from serve_app.domain.errors import DeadlineExceeded, EngineGone
from serve_app.domain.radiograph import Radiograph
from serve_app.ports import ModelCard

_FINDINGS = "- Bóng tim không to.\n- Hai phế trường sáng.\n- Không tràn dịch, tràn khí màng phổi.\n- Ảnh {digest}."
_IMPRESSION = "- Tim phổi trong giới hạn bình thường.\n- Ảnh {digest}."


class ScriptedEngine:
    """Implements the `Engine` port; a word is a token. `token_s` is the pause before each token, in seconds."""

    def __init__(self, token_s: float = 0.0, dies_after_tokens: int | None = None) -> None:
        self._token_s = token_s
        self._dies_after_tokens = dies_after_tokens
        self._is_dead = False
        self.num_running = 0
        self.requests: list[GenerationRequest] = []

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Recite; see `ports.Engine`."""
        await self.check_health()
        self.requests.append(request)
        self.num_running += 1
        try:
            async for event in self._recite(request):
                yield event
        finally:
            self.num_running -= 1

    async def _recite(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        tokens = _answer(request).split(" ")
        spoken = tokens[: request.sampling.max_tokens]
        for position, word in enumerate(spoken):
            await self._pause(request, position)
            yield TokenDelta(word if position == 0 else f" {word}", (position,))
        reason = FinishReason.STOP if len(spoken) == len(tokens) else FinishReason.LENGTH
        prompt_tokens = sum(len(turn.text.split()) for turn in request.turns)
        yield Finished(reason, Usage(prompt_tokens, len(spoken)))

    async def _pause(self, request: GenerationRequest, position: int) -> None:
        if self._dies_after_tokens is not None and position >= self._dies_after_tokens:
            self._is_dead = True
        await self.check_health()
        await asyncio.sleep(self._token_s)
        if request.deadline_unix_s is not None and time.time() >= request.deadline_unix_s:
            raise DeadlineExceeded("the report was not finished before its deadline")

    async def check_health(self) -> None:
        """Raise EngineGone once the script says that it died."""
        if self._is_dead:
            raise EngineGone("the model engine stopped while it worked on this report")

    async def describe(self) -> ModelCard:
        """Name itself."""
        return ModelCard(model="scripted", engine="scripted", engine_version="1")

    async def stop(self) -> None:
        """Nothing to release."""


def _answer(request: GenerationRequest) -> str:
    images: list[Radiograph] = [image for turn in request.turns for image in turn.images]
    digest = images[0].digest[:12] if images else "không có"
    script = _FINDINGS if len(request.turns) == 1 else _IMPRESSION
    return script.format(digest=digest)
