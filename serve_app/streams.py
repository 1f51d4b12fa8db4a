"""Streams that end at a deadline or when they fall silent, and streams whose items travel together.

Also waits for several works at once.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from serve_app.domain.errors import ClaraError, DeadlineExceeded, EngineGone

T = TypeVar("T")


def until(stream: AsyncIterator[T], deadline_unix_s: float) -> AsyncIterator[T]:
    """Pass items on until the deadline, then cancel the wait for the next one.

    Raises:
        DeadlineExceeded: at the deadline.
    """
    return _each_within(
        stream,
        lambda: deadline_unix_s - time.time(),
        DeadlineExceeded("the report was not finished before its deadline"),
    )


def stalling_after(stream: AsyncIterator[T], timeout_s: float) -> AsyncIterator[T]:
    """Pass items on while each follows the one before within `timeout_s`.

    Raises:
        EngineGone: no item came for so long.
    """
    silent = EngineGone("the model server stalled while it worked on this report")
    return _each_within(stream, lambda: timeout_s, silent)


async def _each_within(
    stream: AsyncIterator[T], remaining_s: Callable[[], float], late: ClaraError
) -> AsyncIterator[T]:
    while True:
        try:
            async with asyncio.timeout(remaining_s()):
                item = await anext(stream)
        except TimeoutError as error:
            raise late from error
        except StopAsyncIteration:
            return
        yield item


async def gathered(items: AsyncGenerator[T]) -> AsyncGenerator[tuple[T, ...]]:
    """Read a stream as fast as it comes, and hand over all that has come since the last time; nothing waits for more.

    An error comes after the items before it. Closing this closes the stream.
    """
    waiting: list[T] = []
    news = asyncio.Event()

    async def read() -> None:
        async with contextlib.aclosing(items):
            async for item in items:
                waiting.append(item)
                news.set()

    reading = asyncio.create_task(read())
    reading.add_done_callback(lambda _: news.set())
    try:
        while not reading.done() or waiting:
            await news.wait()
            news.clear()
            if waiting:
                group = tuple(waiting)
                waiting.clear()
                yield group
        await reading
    finally:
        reading.cancel()
        await asyncio.wait({reading})


async def together(works: Iterable[Coroutine[Any, Any, T]]) -> tuple[T, ...]:
    """Await all at once; when one fails, cancel the others and raise its error."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
