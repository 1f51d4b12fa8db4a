"""Drafts every study that has no draft yet: several at a time, resumable, with the error code of each failure."""

import asyncio
from collections.abc import Callable, Iterator

from evaluation.drafters import Drafter, DraftFailed
from evaluation.predictions import Prediction, PredictionBook, Text
from training.data import ReportedStudy

OnDone = Callable[[Prediction | None], None]
"""Called for each study with its prediction, or with None if it already had a draft."""


async def draft_all(
    studies: Iterator[ReportedStudy], drafter: Drafter, book: PredictionBook, concurrency: int, on_done: OnDone
) -> None:
    """Draft every study that `book` lacks, and write each prediction immediately.

    Raises:
        DrafterGone: no further draft is possible; finished ones are written. Also whatever `studies` raises.
    """
    reading = asyncio.Lock()
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(_work(studies, reading, drafter, book, on_done))
    except ExceptionGroup as group:
        # The first failure stopped the others; raise that error, because callers do not handle a group.
        raise group.exceptions[0] from None


async def _work(
    studies: Iterator[ReportedStudy], reading: asyncio.Lock, drafter: Drafter, book: PredictionBook, on_done: OnDone
) -> None:
    while (study := await _next(studies, reading)) is not None:
        if study.study_id in book.done:
            on_done(None)
            continue
        prediction = await _predict(study, drafter)
        book.append(prediction)
        on_done(prediction)


async def _next(studies: Iterator[ReportedStudy], reading: asyncio.Lock) -> ReportedStudy | None:
    """Read one study on a thread, because reading decodes its image. The lock admits one thread at a time."""
    async with reading:
        return await asyncio.to_thread(next, studies, None)


async def _predict(study: ReportedStudy, drafter: Drafter) -> Prediction:
    draft, code = None, None
    try:
        draft = await drafter.draft(study.image, study.patient, study.view)
    except DraftFailed as failure:
        code = failure.code
    return Prediction(
        study_id=study.study_id,
        patient_id=study.patient_id,
        reference=Text(study.findings, study.impression),
        draft=draft,
        error_code=code,
        truth=study.facts,
    )
