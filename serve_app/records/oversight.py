"""What a platform with a database is watched and stopped by, composed from its settings."""

from serve_app.ports import Oversight
from serve_app.records.audit import StoredAudit
from serve_app.records.audit_keys import Signer, load_signer
from serve_app.records.audit_read import AuditReader
from serve_app.records.database import Database
from serve_app.records.stops import PolledStops, StoredStops
from serve_app.settings import AuditSettings, Settings


def oversight(database: Database, settings: Settings) -> Oversight:
    """Compose it for a process that drafts.

    Raises:
        Unavailable, OSError: the key of the audit log cannot be read.
    """
    log = stored_audit(database, settings.audit) if settings.is_audited else None
    stops = StoredStops(database)
    return Oversight(log, AuditReader(database), stops, PolledStops(stops))


def stored_audit(database: Database, settings: AuditSettings) -> StoredAudit:
    """Open the audit log.

    Raises:
        Unavailable, OSError: its key cannot be read.
    """
    return StoredAudit(database, signer_of(settings), settings)


def signer_of(settings: AuditSettings) -> Signer:
    """Load the key that signs checkpoints.

    Raises:
        Unavailable, OSError: it cannot be read.
    """
    return load_signer(settings.key_path, may_make=settings.key_file == "auto")
