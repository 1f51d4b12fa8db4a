"""Answers that clients may ask for again, on real databases."""

import asyncio

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from serve_app.api.examples import REPORT
from serve_app.domain.answer import Claim
from serve_app.domain.errors import KeyReused, Unavailable
from serve_app.records.answers import StoredAnswers
from serve_app.records.cipher import Cipher
from serve_app.records.database import Database
from serve_app.records.tables import ANSWERS

FIRST = Claim("hospital", "key", "print", "first")
SECOND = Claim("hospital", "key", "print", "second")


class Clock:
    """Time that a test sets."""

    unix_s = 1_000_000.0

    def __call__(self) -> float:
        return self.unix_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers(database: Database, clock: Clock) -> StoredAnswers:
    return StoredAnswers(database, Cipher(Fernet.generate_key().decode()), keep_s=100, clock=clock)


async def test_a_report_is_read_as_it_was_kept(answers: StoredAnswers) -> None:
    assert await answers.claim(FIRST) == "ours"
    assert await answers.claim(SECOND) == "running"
    await answers.keep(FIRST, REPORT)

    assert await answers.claim(SECOND) == REPORT


async def test_what_is_kept_cannot_be_read_in_the_database(answers: StoredAnswers, database: Database) -> None:
    await answers.claim(FIRST)
    await answers.keep(FIRST, REPORT)
    async with database.snapshot() as connection:
        row = (await connection.execute(select(ANSWERS))).mappings().one()

    assert REPORT.findings.text.encode() not in row["sealed"]
    assert b"findings" not in row["sealed"]


async def test_a_key_is_good_for_one_request(answers: StoredAnswers) -> None:
    await answers.claim(FIRST)
    with pytest.raises(KeyReused):
        await answers.claim(Claim("hospital", "key", "another print", "second"))


async def test_tenants_have_keys_of_their_own(answers: StoredAnswers) -> None:
    await answers.claim(FIRST)
    await answers.keep(FIRST, REPORT)

    assert await answers.claim(Claim("clinic", "key", "another print", "third")) == "ours"


async def test_of_many_that_come_at_once_one_works(answers: StoredAnswers) -> None:
    claims = [Claim("hospital", "key", "print", f"{number}") for number in range(12)]
    found = await asyncio.gather(*map(answers.claim, claims))

    assert sorted(found, key=str) == ["ours", *["running"] * 11]


async def test_a_worker_that_died_is_replaced_and_cannot_answer_any_more(answers: StoredAnswers, clock: Clock) -> None:
    await answers.claim(FIRST)
    clock.unix_s += 9

    assert await answers.claim(SECOND) == "ours"
    with pytest.raises(Unavailable):
        await answers.keep(FIRST, REPORT)
    await answers.drop(FIRST)
    assert await answers.claim(FIRST) == "running"


async def test_a_worker_that_renews_is_waited_for(answers: StoredAnswers, clock: Clock) -> None:
    await answers.claim(FIRST)
    for _ in range(5):
        clock.unix_s += 6
        await answers.renew(FIRST)

    assert await answers.claim(SECOND) == "running"


async def test_a_key_that_is_given_back_is_free_and_an_answer_stays(answers: StoredAnswers) -> None:
    await answers.claim(FIRST)
    await answers.drop(FIRST)
    assert await answers.claim(SECOND) == "ours"

    await answers.keep(SECOND, REPORT)
    await answers.drop(SECOND)
    assert await answers.claim(FIRST) == REPORT


async def test_an_answer_is_gone_after_its_time(answers: StoredAnswers, clock: Clock) -> None:
    await answers.claim(FIRST)
    await answers.keep(FIRST, REPORT)
    clock.unix_s += 101

    assert await answers.claim(SECOND) == "ours"
