"""The audit log as data: what an entry says, how entries are chained, what a checkpoint vouches for.

An entry's hash covers everything but its personal data: of these it covers a salted commitment, so that they can be
erased later without breaking the chain. Does not know where entries are kept.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

Facts: TypeAlias = Mapping[str, Any]
"""Text, whole numbers, booleans, null, lists and mappings of them: what `canonical` can write."""

GENESIS = "0" * 64
"""What the first entry of a chain names as the hash before it."""
_SALT_BYTES = 32
_CHECKPOINT = "clara-audit-checkpoint-1"


class Action(StrEnum):
    """What was done."""

    REPORT_DRAFTED = "report.drafted"
    REPORT_REFUSED = "report.refused"
    REPORT_FAILED = "report.failed"
    REPORT_CANCELLED = "report.cancelled"
    KEY_MADE = "key.made"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    STOP_SET = "stop.set"
    STOP_LIFTED = "stop.lifted"
    LOG_ERASED = "log.erased"
    LOG_PRUNED = "log.pruned"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Who did what on which object. `personal` is what can be erased later; null where there is nothing personal.

    `tenant` is whose chain it belongs to: the tenant that the object belongs to. `subject` names the caller by its
    credential.
    """

    tenant: str
    subject: str
    action: Action
    object: str
    request_id: str
    details: Facts
    personal: Facts | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An event in its place in its tenant's chain; `time_unix_ms` is when it was written.

    `personal` and `salt` are null where there was nothing personal, or where it was erased; `commitment` then tells
    which.
    """

    tenant: str
    sequence: int
    time_unix_ms: int
    subject: str
    action: str
    object: str
    request_id: str
    details: Facts
    commitment: str | None
    previous: str
    hash: str
    personal: Facts | None = None
    salt: str | None = None

    @property
    def is_erased(self) -> bool:
        """Whether there was personal data that is gone."""
        return self.commitment is not None and self.personal is None

    def computed_hash(self) -> str:
        """Hash what the entry says, personal data by its commitment only; hex SHA-256."""
        said = {name: value for name, value in asdict(self).items() if name not in ("hash", "personal", "salt")}
        return hashlib.sha256(canonical(said)).hexdigest()

    def keeps_commitment(self) -> bool:
        """Whether the personal data are those that were committed to, or were erased whole."""
        if self.personal is None or self.salt is None:
            return self.personal is None and self.salt is None
        return commitment(self.personal, self.salt) == self.commitment


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a tenant's chain: its last entry, and the last one that a checkpoint covers, 0 where there is none."""

    tenant: str
    sequence: int
    hash: str
    signed_sequence: int
    signed_unix_ms: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement: entry `sequence` of this tenant's chain has this hash, and with it all entries before.

    `key_id` is the hex SHA-256 of the public key, `signature` Ed25519 over `statement`, in hex.
    """

    tenant: str
    sequence: int
    hash: str
    time_unix_ms: int
    key_id: str
    signature: str = ""

    def statement(self) -> bytes:
        """Write what is signed."""
        said = {name: value for name, value in asdict(self).items() if name != "signature"}
        return canonical({"type": _CHECKPOINT, **said})


def canonical(value: Any) -> bytes:
    """Write JSON that has one form only. Source: RFC 8785, for keys in ASCII and numbers that are whole.

    Raises:
        TypeError: there is a fraction, a key that is not ASCII text, or something that JSON does not have.
    """
    _require_exact(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def commitment(personal: Facts, salt: str) -> str:
    """Commit to personal data; whoever has neither data nor salt cannot tell them from the commitment."""
    return hashlib.sha256(canonical({"personal": personal, "salt": salt})).hexdigest()


def chained(event: AuditEvent, sequence: int, previous: str, time_unix_ms: int) -> AuditEntry:
    """Put an event after the entry with the hash `previous`."""
    salt = None if event.personal is None else secrets.token_hex(_SALT_BYTES)
    entry = AuditEntry(
        tenant=event.tenant,
        sequence=sequence,
        time_unix_ms=time_unix_ms,
        subject=event.subject,
        action=event.action.value,
        object=event.object,
        request_id=event.request_id,
        details=event.details,
        commitment=None if event.personal is None or salt is None else commitment(event.personal, salt),
        previous=previous,
        hash="",
        personal=event.personal,
        salt=salt,
    )
    return replace(entry, hash=entry.computed_hash())


def _require_exact(value: Any) -> None:
    match value:
        case None | bool() | int() | str():
            return
        case dict():
            for key, item in value.items():
                if not (isinstance(key, str) and key.isascii()):
                    raise TypeError("a key of an audit entry must be ASCII text")
                _require_exact(item)
        case list() | tuple():
            for item in value:
                _require_exact(item)
        case _:
            raise TypeError(f"an audit entry cannot hold a {type(value).__name__}")
