"""An engine without a model that answers from a script. For tests, and for load tests of everything but the model.

Its answer contains the image's digest, so a test can verify that the image arrived.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator

from serve_app.domain.call import Call
from serve_app.domain.conversation import Finished, FinishReason, GenerationEvent, GenerationRequest, TokenDelta, Usage
from serve_app.domain.errors import DeadlineExceeded, EngineGone
from serve_app.ports import ModelCard
from serve_app.settings import ScriptedSettings

_FINDINGS = "- Bóng tim không to.\n- Hai phế trường sáng.\n- Không tràn dịch, tràn khí màng phổi.\n- Ảnh {digest}."
_IMPRESSION = "- Tim phổi trong giới hạn bình thường.\n- Ảnh {digest}."
_DEFAULTS = ScriptedSettings()


class ScriptedEngine:
    """Implements the `Engine` port. A word is a token; an image that is already cached costs no time."""

    def __init__(self, settings: ScriptedSettings = _DEFAULTS) -> None:
        self._settings = settings
        self._is_dead = False
        self._images: OrderedDict[str, None] = OrderedDict()
        self.num_running = 0
        # Only the last ones: in a long load test, all of them would fill the memory.
        self.requests: deque[GenerationRequest] = deque(maxlen=16)
        self.calls: deque[Call] = deque(maxlen=16)

    async def start(self) -> None:
        """Do nothing: there is no model to load."""

    async def generate(self, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Stream the scripted answer; see `ports.Engine`."""
        await self.check_health()
        self.requests.append(request)
        self.calls.append(call)
        self.num_running += 1
        try:
            async for event in self._recite(call, request):
                yield event
        finally:
            self.num_running -= 1

    async def _recite(self, call: Call, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        cached_tokens = await self._read(call, request)
        tokens = _answer(request).split(" ")
        spoken = tokens[: request.sampling.max_tokens]
        for position, word in enumerate(spoken):
            if position == self._settings.dies_after_tokens:
                self._is_dead = True
            await self._pause(call, self._settings.token_s)
            yield TokenDelta(word if position == 0 else f" {word}", (position,))
        reason = FinishReason.STOP if len(spoken) == len(tokens) else FinishReason.LENGTH
        prompt_tokens = sum(len(turn.text.split()) for turn in request.turns)
        yield Finished(reason, Usage(prompt_tokens, len(spoken), cached_tokens))

    async def _read(self, call: Call, request: GenerationRequest) -> int:
        """Cache the images, pausing for each new one. Return the number of prompt tokens found in the cache."""
        digests = {image.digest for image in request.images}
        is_warm = bool(digests) and digests <= self._images.keys()
        for digest in digests:
            if digest not in self._images:
                await self._pause(call, self._settings.image_s)
            self._images[digest] = None
            self._images.move_to_end(digest)
        while len(self._images) > self._settings.cached_images:
            self._images.popitem(last=False)
        return len(request.turns[0].text.split()) if is_warm else 0

    async def _pause(self, call: Call, duration_s: float) -> None:
        await self.check_health()
        await asyncio.sleep(duration_s)
        if time.time() >= call.deadline_unix_s:
            raise DeadlineExceeded("the report was not finished before its deadline")

    async def check_health(self) -> None:
        """Raise EngineGone once the script has ended the engine."""
        if self._is_dead:
            raise EngineGone("the model engine stopped while it worked on this report")

    async def describe(self) -> ModelCard:
        """Return a card that names this engine."""
        return ModelCard(model="scripted", engine="scripted", engine_version="1")

    async def stop(self) -> None:
        """Do nothing: there is no model to release."""


def _answer(request: GenerationRequest) -> str:
    digest = request.images[0].digest[:12] if request.images else "không có"
    script = _FINDINGS if len(request.turns) == 1 else _IMPRESSION
    return script.format(digest=digest)
