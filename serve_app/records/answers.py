"""Answers that clients may ask for again, encrypted; of a client's key only a digest is kept."""

import hashlib
import time
from collections.abc import Callable
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlalchemy import and_, delete, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from serve_app.domain.answer import Claim
from serve_app.domain.errors import KeyReused, Unavailable
from serve_app.domain.report import Report
from serve_app.records.cipher import Cipher
from serve_app.records.database import Database
from serve_app.records.tables import ANSWERS

# Whoever works on an answer renews its claim several times in this time; after it, others may take over.
_LEASE_S = 8.0
_REPORT = TypeAdapter(Report)


class StoredAnswers:
    """Implements the `AnswerStore` port; an answer is kept for `keep_s` seconds."""

    def __init__(
        self, database: Database, cipher: Cipher, keep_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._keep_s = keep_s
        self._clock = clock

    async def claim(self, claim: Claim) -> Report | Literal["ours", "running"]:
        """Take a key, or find what became of it; see `ports.AnswerStore`."""
        now_unix_s = self._clock()
        try:
            async with self._database.transaction() as connection:
                await connection.execute(delete(ANSWERS).where(ANSWERS.c.ends_unix_s <= now_unix_s))
                query = select(ANSWERS).where(_of(claim)).with_for_update()
                row = (await connection.execute(query)).mappings().one_or_none()
                if row is None:
                    await connection.execute(insert(ANSWERS).values(_row(claim, now_unix_s)))
                    return "ours"
                if row["fingerprint"] != claim.fingerprint:
                    raise KeyReused("this Idempotency-Key was used for another request")
                sealed: bytes | None = row["sealed"]
        except IntegrityError:
            # Somebody else took it at the same moment.
            return "running"
        return "running" if sealed is None else self._opened(sealed)

    async def renew(self, claim: Claim) -> None:
        """Keep a key for a while longer; see `ports.AnswerStore`."""
        await self._set(claim, ends_unix_s=self._clock() + _LEASE_S)

    async def keep(self, claim: Claim, report: Report) -> None:
        """Keep the answer; see `ports.AnswerStore`."""
        sealed = self._cipher.sealed(_REPORT.dump_json(report))
        if not await self._set(claim, sealed=sealed, ends_unix_s=self._clock() + self._keep_s):
            raise Unavailable("another replica took over this report")

    async def drop(self, claim: Claim) -> None:
        """Give a key back without an answer; see `ports.AnswerStore`."""
        async with self._database.transaction() as connection:
            await connection.execute(delete(ANSWERS).where(_open(claim)))

    async def erase(self, tenant: str | None, report_id: str | None) -> int:
        """Delete the answers of a tenant, or those that are this report; null means every one. Return how many.

        Raises:
            Unavailable: the database does not answer, or an answer cannot be decrypted to see whether it is the one.
        """
        kept = and_(ANSWERS.c.sealed.is_not(None), true() if tenant is None else ANSWERS.c.tenant == tenant)
        async with self._database.transaction() as connection:
            rows = (await connection.execute(select(ANSWERS).where(kept))).mappings().all()
            found = [row for row in rows if report_id in (None, self._opened(row["sealed"]).id)]
            for row in found:
                its_key = and_(ANSWERS.c.tenant == row["tenant"], ANSWERS.c.key == row["key"])
                await connection.execute(delete(ANSWERS).where(its_key))
        await self._database.forget()
        return len(found)

    def _opened(self, sealed: bytes) -> Report:
        return _REPORT.validate_json(self._cipher.opened(sealed))

    async def _set(self, claim: Claim, **values: Any) -> bool:
        async with self._database.transaction() as connection:
            return (await connection.execute(update(ANSWERS).where(_open(claim)).values(values))).rowcount == 1


def _of(claim: Claim) -> Any:
    return and_(ANSWERS.c.tenant == claim.tenant, ANSWERS.c.key == _digest(claim))


def _digest(claim: Claim) -> str:
    """Name a key without what its client may have put into it, such as the number of a patient or a study."""
    return hashlib.sha256(f"{claim.tenant}\0{claim.key}".encode()).hexdigest()


def _open(claim: Claim) -> Any:
    """The claim, as long as it is ours and has no answer."""
    return and_(_of(claim), ANSWERS.c.owner == claim.owner, ANSWERS.c.sealed.is_(None))


def _row(claim: Claim, now_unix_s: float) -> dict[str, Any]:
    return {
        "tenant": claim.tenant,
        "key": _digest(claim),
        "fingerprint": claim.fingerprint,
        "owner": claim.owner,
        "ends_unix_s": now_unix_s + _LEASE_S,
    }
