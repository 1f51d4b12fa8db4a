"""A stream of outputs that ends at a deadline, or when it falls silent; engines know neither."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from serve_app.domain.errors import ClaraError, DeadlineExceeded, EngineGone

Output = TypeVar("Output")


def until(stream: AsyncIterator[Output], deadline_unix_s: float | None) -> AsyncIterator[Output]:
    """Pass outputs on until the deadline; the one that is waited for then is cancelled.

    Raises:
        DeadlineExceeded: at the deadline.
    """
    return _each_within(
        stream,
        lambda: None if deadline_unix_s is None else deadline_unix_s - time.time(),
        DeadlineExceeded("the report was not finished before its deadline"),
    )


def never_silent(stream: AsyncIterator[Output], timeout_s: float) -> AsyncIterator[Output]:
    """Pass outputs on while each comes in time after the one before.

    Raises:
        EngineGone: the stream said nothing for so long.
    """
    silent = EngineGone("the model server fell silent while it worked on this report")
    return _each_within(stream, lambda: timeout_s, silent)


async def _each_within(
    stream: AsyncIterator[Output], remaining_s: Callable[[], float | None], late: ClaraError
) -> AsyncIterator[Output]:
    while True:
        try:
            async with asyncio.timeout(remaining_s()):
                output = await anext(stream)
        except TimeoutError as error:
            raise late from error
        except StopAsyncIteration:
            return
        yield output
