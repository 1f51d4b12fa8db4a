"""A stream of outputs that ends at a deadline, or when it falls silent; engines know neither."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TypeVar

from serve_app.domain.errors import DeadlineExceeded, EngineGone

Output = TypeVar("Output")


async def until(stream: AsyncIterator[Output], deadline_unix_s: float | None) -> AsyncIterator[Output]:
    """Pass outputs on until the deadline; the one that is waited for then is cancelled.

    Raises:
        DeadlineExceeded: at the deadline.
    """
    while True:
        remaining_s = None if deadline_unix_s is None else deadline_unix_s - time.time()
        try:
            async with asyncio.timeout(remaining_s):
                output = await anext(stream)
        except TimeoutError as error:
            raise DeadlineExceeded("the report was not finished before its deadline") from error
        except StopAsyncIteration:
            return
        yield output


async def never_silent(stream: AsyncIterator[Output], timeout_s: float) -> AsyncIterator[Output]:
    """Pass outputs on while each comes in time after the one before.

    Raises:
        EngineGone: the stream said nothing for so long.
    """
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                output = await anext(stream)
        except TimeoutError as error:
            raise EngineGone("the model server fell silent while it worked on this report") from error
        except StopAsyncIteration:
            return
        yield output
