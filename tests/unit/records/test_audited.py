"""Every end of a report has one entry, and it is written before the report is handed on."""

import contextlib
import hashlib
import json

import pytest

from serve_app.api.examples import EVENTS, REPORT
from serve_app.domain.audit import Action
from serve_app.domain.errors import (
    AuditUnavailable,
    ClaraError,
    DraftingStopped,
    EngineGone,
    InvalidPatient,
    NotAChestXray,
)
from serve_app.domain.report import Report, ReportEvent
from serve_app.records.audited import AuditedReporter, drafting_settings
from serve_app.settings import DEMO_SHA256, Settings
from tests.calls import call, study_of
from tests.oversight import Log
from tests.reporters import Reciting

MADE_WITH = drafting_settings(Settings())
UP_TO_REPORT = EVENTS[:-1]


async def collected(log: Log, *events: ReportEvent, error: BaseException | None = None) -> list[ReportEvent]:
    reporter = AuditedReporter(Reciting(*events, error=error), log, MADE_WITH)
    return [event async for event in reporter.report(call(), study_of(), REPORT.id)]


async def test_the_entry_of_a_draft_says_who_what_and_with_what() -> None:
    log = Log()
    assert await collected(log, *EVENTS) == list(EVENTS)
    [entry] = log.events

    assert (entry.tenant, entry.subject, entry.action) == ("hospital", "tester", Action.REPORT_DRAFTED)
    assert (entry.object, entry.request_id) == (REPORT.id, "request-of-a-test")
    assert (
        entry.details.items()
        >= {
            "model": "clara-demo",
            "model_digest": DEMO_SHA256,
            "prompt_version": "clara-vi-1",
            "preparation_version": "clara-prep-3",
            "sections": {"findings": "complete", "impression": "complete"},
            "concerns": ["dropped"],
        }.items()
    )
    assert entry.details["settings"]["max_findings_tokens"] == 256
    assert entry.details["gate"][0].items() >= {"outcome": "pass", "score_permille": 970}.items()


async def test_what_is_personal_stands_in_the_erasable_part_only() -> None:
    log = Log()
    await collected(log, *EVENTS)
    [entry] = log.events
    texts = {
        "findings": hashlib.sha256(REPORT.findings.text.encode()).hexdigest(),
        "impression": hashlib.sha256(REPORT.impression.text.encode()).hexdigest(),
    }

    assert entry.personal == {
        "sex": "male",
        "age": "063Y",
        "text_sha256": texts,
        "images": [{"digest": REPORT.images[0].digest, "view": "PA", "role": "current"}],
    }
    kept = json.dumps(entry.details, ensure_ascii=False)
    for word in ("male", "063Y", "63", "PA", REPORT.images[0].digest, texts["findings"], "Bóng tim"):
        assert f'"{word}"' not in kept
    assert "Bóng tim" not in json.dumps(entry.personal, ensure_ascii=False)


async def test_a_report_is_handed_on_after_its_entry_and_never_without() -> None:
    reporter = AuditedReporter(Reciting(*EVENTS), Log(is_down=True), MADE_WITH)
    events = reporter.report(call(), study_of(), REPORT.id)
    seen = [await anext(events) for _ in UP_TO_REPORT]
    with pytest.raises(AuditUnavailable):
        await anext(events)

    assert seen == list(UP_TO_REPORT)


@pytest.mark.parametrize(
    ("error", "action", "details"),
    [
        (NotAChestXray("", "too-colourful", 0.02), Action.REPORT_REFUSED, {"code": "not-a-chest-xray"}),
        (InvalidPatient("age"), Action.REPORT_REFUSED, {"code": "invalid-patient"}),
        (DraftingStopped("", "all", "drift"), Action.REPORT_REFUSED, {"code": "drafting-stopped", "reason": "drift"}),
        (EngineGone(), Action.REPORT_FAILED, {"code": "engine-gone"}),
        (RuntimeError("a bug"), Action.REPORT_FAILED, {"code": "internal-error"}),
    ],
)
async def test_whatever_ends_a_report_has_its_entry(error: Exception, action: Action, details: dict[str, str]) -> None:
    log = Log()
    with pytest.raises(type(error)):
        await collected(log, *UP_TO_REPORT[:1], error=error)
    [entry] = log.events

    assert entry.action is action
    assert entry.details.items() >= details.items()
    assert entry.personal is not None and entry.personal["images"][0]["view"] == "PA"


async def test_a_refusal_before_the_image_was_read_has_nothing_personal() -> None:
    log = Log()
    with pytest.raises(ClaraError):
        await collected(log, error=NotAChestXray())

    assert log.events[0].personal is None


async def test_a_client_that_leaves_has_its_entry() -> None:
    log = Log()
    reporter = AuditedReporter(Reciting(*EVENTS), log, MADE_WITH)
    async with contextlib.aclosing(reporter.report(call(), study_of(), REPORT.id)) as events:
        await anext(events)

    assert [entry.action for entry in log.events] == [Action.REPORT_CANCELLED]


async def test_a_client_that_leaves_with_its_report_has_one_entry() -> None:
    log = Log()
    reporter = AuditedReporter(Reciting(*EVENTS), log, MADE_WITH)
    async with contextlib.aclosing(reporter.report(call(), study_of(), REPORT.id)) as events:
        async for event in events:
            if isinstance(event, Report):
                break

    assert [entry.action for entry in log.events] == [Action.REPORT_DRAFTED]


async def test_a_bug_is_not_hidden_by_a_log_that_is_down() -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        await collected(Log(is_down=True), error=RuntimeError("a bug"))


def test_the_digest_of_the_settings_changes_with_any_that_changes_a_text() -> None:
    others = [
        {"orchestrator": {"max_findings_tokens": 99}},
        {"preprocessor": {"max_visual_tokens": 99}},
        {"model": {"name": "other"}},
    ]
    digests = {drafting_settings(Settings.model_validate(other))["settings_sha256"] for other in [{}, *others]}

    assert len(digests) == 4
