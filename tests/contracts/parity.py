"""Holds each engine's reports of the same films against those of the engines before it."""

import asyncio

from serve_app.domain.conversation import Turn
from serve_app.ports import Engine
from tests.contracts.asking import margin_at, report_tokens

# What each engine said of each kind of films: both turns as token ids.
Said = list[tuple[list[int], list[int]]]
SAID: dict[tuple[str, str], Said] = {}


async def require_the_same_reports(engine: Engine, kind: str, films: list[Turn]) -> None:
    """Hold both turns against the engines before this one, token for token; where one differs it was a near tie."""
    waiting = asyncio.Semaphore(8)

    async def reported(number: int, turn: Turn) -> tuple[list[int], list[int]]:
        async with waiting:
            return await report_tokens(engine, f"parity-{kind}-{number}", turn)

    said: Said = list(await asyncio.gather(*(reported(number, turn) for number, turn in enumerate(films))))
    assert all(first and second for first, second in said)
    name = (await engine.describe()).engine
    others = {other: told for (other, of_kind), told in SAID.items() if of_kind == kind and other != name}
    SAID[name, kind] = said
    for other, told in others.items():
        differing = [number for number in range(len(films)) if said[number][0] != told[number][0]]
        margins = [
            await margin_at(engine, films[number], _first_difference(said[number][0], told[number][0]))
            for number in differing
        ]
        assert all(margin < 0.02 for margin in margins), f"{name} and {other} differ by {margins}"
        later = [
            number for number in range(len(films)) if number not in differing and said[number][1] != told[number][1]
        ]
        assert len(differing) + len(later) <= 2, f"{name} and {other} differ in turn 1 {differing}, turn 2 {later}"


def _first_difference(one: list[int], other: list[int]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (mine, theirs) in pairs if mine != theirs), min(len(one), len(other)))
