"""Ends drafts when an operator stops drafting: those that are asked for, and those in progress.

Stops of everything and of a tenant are noticed before the image is prepared, those of a model as soon as it says who it
is.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from serve_app.domain.call import Call
from serve_app.domain.conversation import Dialogue
from serve_app.domain.report import ReportEvent
from serve_app.domain.stop import model_names
from serve_app.domain.study import Study
from serve_app.ports import ChatModel, DialogueEvent, ModelCard, Reporter, StopSwitch

T = TypeVar("T")


class StoppableReporter:
    """A `Reporter` that wraps another one and obeys stops of everything and of a tenant."""

    def __init__(self, reporter: Reporter, switch: StopSwitch) -> None:
        self._reporter = reporter
        self._switch = switch

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        """Yield the events of the wrapped reporter; see `ports.Reporter`.

        Raises:
            DraftingStopped: an operator stopped drafting, before or while it was made.
        """
        tenant = call.principal.tenant
        await self._switch.require_drafting(tenant)
        async with contextlib.aclosing(self._reporter.report(call, study, report_id)) as events:
            async for event in unless_stopped(events, self._switch, tenant, frozenset()):
                yield event


class StoppableModel:
    """A `ChatModel` that wraps another one and obeys stops of a model, under each name that it has."""

    def __init__(self, model: ChatModel, switch: StopSwitch) -> None:
        self._model = model
        self._switch = switch

    async def converse(self, call: Call, dialogue: Dialogue) -> AsyncGenerator[DialogueEvent]:
        """Stream the wrapped model's answers; see `ports.ChatModel`.

        Raises:
            DraftingStopped: an operator stopped this model; no text of it was passed on before it named itself.
        """
        tenant = call.principal.tenant
        adapters = (dialogue.opening.adapter, *(follow_up.adapter for follow_up in dialogue.follow_ups))
        async with contextlib.aclosing(self._model.converse(call, dialogue)) as events:
            card = await anext(events, None)
            names = model_names(card.model, adapters) if isinstance(card, ModelCard) else frozenset[str]()
            await self._switch.require_drafting(tenant, names)
            if card is not None:
                yield card
            async for event in unless_stopped(events, self._switch, tenant, names):
                yield event


async def unless_stopped(
    stream: AsyncIterator[T], switch: StopSwitch, tenant: str, models: frozenset[str]
) -> AsyncIterator[T]:
    """Pass items on until drafting is stopped, then cancel the wait for the next one.

    Raises:
        DraftingStopped: it is stopped.
    """
    loop = asyncio.get_running_loop()
    scope: asyncio.Timeout | None = None

    def interrupt(_: object) -> None:
        if scope is not None:
            scope.reschedule(loop.time())

    stopped = asyncio.create_task(switch.stopped(tenant, models))
    stopped.add_done_callback(interrupt)
    try:
        while not stopped.done():
            try:
                async with asyncio.timeout(None) as scope:
                    item = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if stopped.done():
                    break
                raise
            finally:
                scope = None
            yield item
        raise await stopped
    finally:
        stopped.cancel()
