"""An answer that a client may ask for again: who asked for what, under which idempotency key."""

import hashlib
from dataclasses import dataclass, field, replace

from serve_app.domain.report import Prepared, Report, ReportEvent, SectionDone, SectionName
from serve_app.domain.study import Study


@dataclass(frozen=True, slots=True)
class Claim:
    """One tenant's idempotency key, with what it was used for; `owner` works on the answer."""

    tenant: str
    key: str = field(repr=False)
    fingerprint: str
    owner: str


def fingerprint(study: Study) -> str:
    """Name what was asked: hex SHA-256 over the images and everything said about them and the patient."""
    images = [(hashlib.sha256(image.data).hexdigest(), replace(image, data=b"")) for image in study.images]
    said = (images, study.patient, study.prior_report, study.indication)
    return hashlib.sha256(repr(said).encode()).hexdigest()


def replayed(report: Report) -> tuple[ReportEvent, ...]:
    """Give the events of a report that was made before; each section comes whole."""
    return (
        Prepared(report.id, report.images),
        SectionDone(SectionName.FINDINGS, report.findings),
        SectionDone(SectionName.IMPRESSION, report.impression, report.concerns),
        report,
    )
