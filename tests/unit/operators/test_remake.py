"""Reports made again from their entries have the same text, byte for byte; what differs is named."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from serve_app.domain.audit import GENESIS, AuditEntry, chained
from serve_app.domain.report import Report
from serve_app.domain.study import Age, AgeUnit, Patient, Sex, Study, StudyImage, View
from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.imaging.preparer import LocalPreparer
from serve_app.operators.remake import Draft, differences, films_by_digest
from serve_app.ports import Reporter
from serve_app.reasoning.local import local_reporter
from serve_app.records.audited import AuditedReporter, drafting_settings
from serve_app.settings import PreprocessorSettings, ScreenSettings, Settings
from tests.calls import call
from tests.oversight import Log

SETTINGS = Settings(preprocessor=PreprocessorSettings(screen=ScreenSettings(policy="record")))
PATIENTS = [
    Patient(),
    Patient(Sex.MALE, Age(63)),
    Patient(Sex.FEMALE, Age(6, AgeUnit.MONTHS)),
    Patient(Sex.OTHER, Age(3, AgeUnit.DAYS)),
    Patient(Sex.FEMALE),
]


def film(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (160 + seed, 140), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def studies() -> list[Study]:
    views = [None, View.PA, View.AP, View.FRONTAL, View.LATERAL]
    return [
        Study((StudyImage(film(n), view),), PATIENTS[(n + m) % len(PATIENTS)])
        for n in range(5)
        for m, view in enumerate(views)
    ] + [Study((StudyImage(film(0), View.PA), StudyImage(film(1), View.LATERAL)), PATIENTS[1])]


@pytest.fixture(scope="module")
def preparer() -> LocalPreparer:
    """The image step in this process."""
    return LocalPreparer(SETTINGS.preprocessor)


@pytest.fixture
def reporter(preparer: LocalPreparer) -> Reporter:
    """A reporter over the scripted engine, whose text names the image."""
    return local_reporter(SETTINGS, ScriptedEngine(), preparer)


@pytest.fixture
async def films(preparer: LocalPreparer, tmp_path: Path) -> dict[str, bytes]:
    """A folder of films, and a file that is none."""
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(film(number))
    (tmp_path / "notes.txt").write_text("not a film")
    return await films_by_digest(tmp_path, preparer)


async def audited(reporter: Reporter, study: Study) -> AuditEntry:
    log = Log()
    wrapped = AuditedReporter(reporter, log, drafting_settings(SETTINGS))
    async for _ in wrapped.report(call(), study, "rpt_1"):
        pass
    return chained(log.events[0], 1, GENESIS, 0)


async def drafted(reporter: Reporter, study: Study) -> Draft:
    report = [event async for event in reporter.report(call(), study, "rpt_2")][-1]
    assert isinstance(report, Report)
    texts = {"findings": report.findings.text, "impression": report.impression.text}
    digests = tuple(image.digest for image in report.images)
    return Draft(report.model, report.model_digest, report.prompt_version, digests, texts)


async def test_every_report_made_again_from_its_entry_is_the_same(reporter: Reporter, films: dict[str, bytes]) -> None:
    for study in studies():
        entry = await audited(reporter, study)

        assert await differences(entry, films, lambda again: drafted(reporter, again)) == []


async def test_the_question_is_asked_again_in_the_same_words(reporter: Reporter, films: dict[str, bytes]) -> None:
    """The scripted engine answers alike whatever it is asked: what it was asked is compared here."""
    for study in studies():
        [first] = [e async for e in reporter.report(call(), study, "rpt_1") if isinstance(e, Report)]
        asked: list[Report] = []

        async def draft_again(again: Study, asked: list[Report] = asked) -> Draft:
            asked += [e async for e in reporter.report(call(), again, "rpt_2") if isinstance(e, Report)]
            return await drafted(reporter, again)

        await differences(await audited(reporter, study), films, draft_again)

        assert [turn.question for turn in asked[0].turns] == [turn.question for turn in first.turns]


async def test_what_differs_is_named(reporter: Reporter, films: dict[str, bytes]) -> None:
    entry = await audited(reporter, studies()[1])

    async def otherwise(_: Study) -> Draft:
        return Draft("other", "1" * 64, "clara-vi-1", ("0" * 64,), {"findings": "- Bóng tim to.", "impression": "-"})

    assert await differences(entry, films, otherwise) == ["images", "model", "model_digest", "findings", "impression"]


async def test_what_cannot_be_made_again_says_why(reporter: Reporter, films: dict[str, bytes]) -> None:
    entry = await audited(reporter, studies()[1])

    async def never(_: Study) -> Draft:
        raise AssertionError

    assert await differences(replace(entry, personal=None, salt=None), films, never) == ["erased"]
    assert await differences(entry, {}, never) == ["film-missing"]


async def test_the_text_is_in_the_entry_by_its_digest(reporter: Reporter) -> None:
    study = studies()[1]
    entry, again = await audited(reporter, study), await drafted(reporter, study)

    assert entry.personal is not None
    assert entry.personal["text_sha256"]["findings"] == hashlib.sha256(again.texts["findings"].encode()).hexdigest()
