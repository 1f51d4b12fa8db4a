"""What is ready at once goes together; nothing is lost, held back or reordered."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.streams import gathered, together


async def in_bursts(bursts: list[list[int]]) -> AsyncGenerator[int]:
    for burst in bursts:
        await asyncio.sleep(0.001)
        for item in burst:
            yield item


async def collected(items: AsyncGenerator[int]) -> list[tuple[int, ...]]:
    return [group async for group in gathered(items)]


@given(st.lists(st.lists(st.integers(), min_size=1, max_size=5), max_size=5))
def test_each_burst_is_one_group(bursts: list[list[int]]) -> None:
    groups = asyncio.run(collected(in_bursts(bursts)))

    assert groups == [tuple(burst) for burst in bursts]


async def test_a_reader_that_is_late_gets_all_that_came_meanwhile() -> None:
    groups = gathered(in_bursts([[1], [2], [3]]))

    first = await anext(groups)
    await asyncio.sleep(0.05)

    assert (first, await anext(groups)) == ((1,), (2, 3))
    assert [group async for group in groups] == []


async def test_an_error_comes_after_the_items_before_it() -> None:
    async def breaking() -> AsyncGenerator[int]:
        yield 1
        yield 2
        raise KeyError("end")

    groups = gathered(breaking())

    assert await anext(groups) == (1, 2)
    with pytest.raises(KeyError, match="end"):
        await anext(groups)


async def test_closing_early_closes_the_stream_before_it_returns() -> None:
    is_open = True

    async def endless() -> AsyncGenerator[int]:
        nonlocal is_open
        try:
            while True:
                yield 0
                await asyncio.sleep(0)
        finally:
            is_open = False

    async with contextlib.aclosing(gathered(endless())) as groups:
        await anext(groups)
        assert is_open

    assert not is_open


async def test_works_run_together_and_answer_in_order() -> None:
    meeting = asyncio.Barrier(2)

    async def work(number: int) -> int:
        await meeting.wait()
        return number

    assert await together(work(number) for number in (1, 2)) == (1, 2)


async def test_the_first_failure_cancels_the_other_works() -> None:
    cancelled = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def failing() -> None:
        await asyncio.sleep(0)
        raise KeyError("first")

    with pytest.raises(KeyError, match="first"):
        await together([endless(), failing()])
    await asyncio.wait_for(cancelled.wait(), 5)
