"""Writes down each report: who asked, what it was made of and what was decided, enough to make it again.

The entry is on disk before the report is handed on. Text stays out: its SHA-256 is enough to compare.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Iterable
from typing import Any

from serve_app import __version__
from serve_app.domain.audit import Action, AuditEvent, Facts
from serve_app.domain.call import Call
from serve_app.domain.errors import AuditUnavailable, BadRequest, ClaraError, DraftingStopped, Refused
from serve_app.domain.radiograph import GateVerdict
from serve_app.domain.report import Prepared, Report, ReportedImage, ReportEvent
from serve_app.domain.study import Study
from serve_app.imaging.normalize import PREPARATION_VERSION
from serve_app.ports import AuditLog, Reporter
from serve_app.settings import Settings


class AuditedReporter:
    """A `Reporter` that wraps another one and writes an entry for every end that a report can come to.

    `made_with` is what `drafting_settings` returns.
    """

    def __init__(self, reporter: Reporter, log: AuditLog, made_with: Facts) -> None:
        self._reporter = reporter
        self._log = log
        self._made_with = made_with

    async def report(self, call: Call, study: Study, report_id: str) -> AsyncGenerator[ReportEvent]:
        """Yield the events of the wrapped reporter; see `ports.Reporter`.

        Raises:
            AuditUnavailable: the entry cannot be written; the report is not handed on.
        """
        entry = _Draft(call, report_id, self._made_with)
        try:
            async with contextlib.aclosing(self._reporter.report(call, study, report_id)) as events:
                async for event in events:
                    if isinstance(event, Prepared):
                        entry.images = event.images
                    elif isinstance(event, Report):
                        await self._log.append(entry.drafted(event))
                    yield event
        except ClaraError as error:
            if not (entry.is_closed or isinstance(error, AuditUnavailable)):
                await self._log.append(entry.declined(error))
            raise
        except BaseException as error:
            # The client left, or a bug: neither may be hidden by a log that cannot be written.
            if not entry.is_closed:
                with contextlib.suppress(AuditUnavailable):
                    await self._log.append(entry.broken_off(error))
            raise


class _Draft:
    """The entry of a report in progress; it is closed once."""

    def __init__(self, call: Call, report_id: str, made_with: Facts) -> None:
        self._call = call
        self._report_id = report_id
        self._made_with = made_with
        self._started_unix_ms = round(time.time() * 1000)
        self.images: tuple[ReportedImage, ...] = ()
        self.is_closed = False

    def drafted(self, report: Report) -> AuditEvent:
        sections = {"findings": report.findings, "impression": report.impression}
        said = {"sex": report.patient.sex, "age": None if report.patient.age is None else str(report.patient.age)}
        texts = {name: hashlib.sha256(section.text.encode()).hexdigest() for name, section in sections.items()}
        return self._closed(
            Action.REPORT_DRAFTED,
            {
                "model": report.model,
                "model_digest": report.model_digest,
                "prompt_version": report.prompt_version,
                "sections": {name: section.status.value for name, section in sections.items()},
                "concerns": [concern.code.value for concern in report.concerns],
            },
            said | {"text_sha256": texts},
        )

    def declined(self, error: ClaraError) -> AuditEvent:
        is_refused = isinstance(error, BadRequest | Refused | DraftingStopped)
        reason = {"reason": str(error.facts["reason"])} if "reason" in error.facts else {}
        action = Action.REPORT_REFUSED if is_refused else Action.REPORT_FAILED
        return self._closed(action, {"code": error.code, **reason})

    def broken_off(self, error: BaseException) -> AuditEvent:
        if isinstance(error, Exception):
            return self._closed(Action.REPORT_FAILED, {"code": ClaraError.code})
        return self._closed(Action.REPORT_CANCELLED, {})

    def _closed(self, action: Action, details: dict[str, Any], said: dict[str, Any] | None = None) -> AuditEvent:
        self.is_closed = True
        frame = {"started_unix_ms": self._started_unix_ms, "gate": [_gate(image.gate) for image in self.images]}
        personal = (said or {}) | {"images": [_image(image) for image in self.images]} if self.images else None
        principal = self._call.principal
        return AuditEvent(
            principal.tenant,
            principal.subject,
            action,
            self._report_id,
            self._call.request_id,
            {**self._made_with, **frame, **details},
            personal,
        )


def drafting_settings(settings: Settings) -> Facts:
    """Name what changes a draft's text, and the digest of every setting of model, engine, prompts and preparation."""
    steps = settings.model_dump(mode="json", include={"model", "engine", "orchestrator", "preprocessor"})
    digest = hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()
    orchestrator = settings.orchestrator
    return {
        "release": __version__,
        "preparation_version": PREPARATION_VERSION,
        "settings": {
            "backend": settings.engine.backend,
            "max_visual_tokens": settings.preprocessor.max_visual_tokens,
            "max_findings_tokens": orchestrator.max_findings_tokens,
            "max_impression_tokens": orchestrator.max_impression_tokens,
            "findings_adapter": orchestrator.findings_adapter,
            "impression_adapter": orchestrator.impression_adapter,
        },
        "settings_sha256": digest,
    }


def _image(image: ReportedImage) -> Facts:
    return {
        "digest": image.digest,
        "view": None if image.view is None else image.view.value,
        "role": image.role.value,
    }


def _gate(verdict: GateVerdict) -> Facts:
    return {
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "score_permille": None if verdict.score is None else round(verdict.score * 1000),
        "is_confirmed": verdict.is_confirmed,
        "corrections": _values(verdict.corrections),
    }


def _values(codes: Iterable[str]) -> list[str]:
    return [str(code) for code in codes]
