"""A report that is made once for each idempotency key, however often it is asked for.

Source: draft-ietf-httpapi-idempotency-key-header-07, which has expired without a successor.
"""

import asyncio
import contextlib
import re
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

from fastapi import Header

from serve_app.domain.answer import Claim, fingerprint, replayed
from serve_app.domain.call import Call
from serve_app.domain.errors import BadRequest, DeadlineExceeded, Unavailable
from serve_app.domain.report import Report, ReportEvent
from serve_app.domain.study import Study
from serve_app.ports import AnswerStore, Reporter

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_POLL_S = 0.25
_RENEWAL_S = 2.0

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A name of your own for this request, 1 to 255 visible ASCII characters, such as a UUID. Sent again"
        " with the same body, it brings the same report, which is made once.",
    ),
]


def once(reporter: Reporter, answers: AnswerStore | None, key: str | None) -> Reporter:
    """Have a report made once for its key; without a key as often as it is asked for.

    Raises:
        BadRequest: the key is malformed, or no answers are kept here.
    """
    if key is None:
        return reporter
    bare = key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key
    if _KEY.fullmatch(bare) is None:
        raise BadRequest("Idempotency-Key must have 1 to 255 visible ASCII characters")
    if answers is None:
        raise BadRequest("this platform keeps no answers, so it takes no Idempotency-Key")
    return _OnceReporter(reporter, answers, bare)


class _OnceReporter:
    """Implements the `Reporter` port: makes the report, waits for whoever makes it, or gives the one that was made."""

    def __init__(self, reporter: Reporter, answers: AnswerStore, key: str) -> None:
        self._reporter = reporter
        self._answers = answers
        self._key = key

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        """Stream one report; see `ports.Reporter`."""
        print_of_study = await asyncio.to_thread(fingerprint, study)
        claim = Claim(call.principal.tenant, self._key, print_of_study, owner=uuid.uuid4().hex)
        if (made := await self._made(claim, call.deadline_unix_s)) is not None:
            for event in replayed(made):
                yield event
            return
        async with self._claimed(claim), contextlib.aclosing(self._reporter.report(call, study, report_id)) as events:
            async for event in events:
                if isinstance(event, Report):
                    # Before the client sees it: whatever dies now, this is the answer.
                    await self._answers.keep(claim, event)
                yield event

    async def _made(self, claim: Claim, deadline_unix_s: float) -> Report | None:
        """Wait while others make the report; None once the key is ours."""
        while time.time() < deadline_unix_s:
            found = await self._answers.claim(claim)
            if found != "running":
                return found if isinstance(found, Report) else None
            await asyncio.sleep(_POLL_S)
        raise DeadlineExceeded("the report for this Idempotency-Key was not finished before the deadline")

    @contextlib.asynccontextmanager
    async def _claimed(self, claim: Claim) -> AsyncIterator[None]:
        """Keep the key ours while we work, and give it back if no answer comes of it."""
        renewing = asyncio.create_task(self._renew(claim))
        try:
            yield
        finally:
            renewing.cancel()
            # Also when the client left: its next attempt need not wait for the key to run out.
            with contextlib.suppress(Unavailable):
                await asyncio.shield(self._answers.drop(claim))

    async def _renew(self, claim: Claim) -> None:
        while True:
            await asyncio.sleep(_RENEWAL_S)
            with contextlib.suppress(Unavailable):
                await self._answers.renew(claim)
