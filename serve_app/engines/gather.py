"""Fewer, larger pieces: what a stream has ready at once is handed over together."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TypeVar

T = TypeVar("T")


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
