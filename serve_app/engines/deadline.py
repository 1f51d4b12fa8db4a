"""A stream of outputs that ends at a deadline; engines have none of their own."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TypeVar

from serve_app.domain.errors import DeadlineExceeded

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
