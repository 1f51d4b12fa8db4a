"""Verifies a tenant's chain of audit entries against its checkpoints, and names what does not fit.

Goes over the entries once, in their order, so that a chain of any length fits the memory.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from serve_app.domain.audit import GENESIS, Action, AuditEntry, Checkpoint, Head
from serve_app.records.audit_keys import TrustedKeys


class FaultCode(StrEnum):
    """What was found."""

    ALTERED = "altered"
    OTHER_TENANT = "other-tenant"
    BROKEN_LINK = "broken-link"
    GAP = "gap"
    OUT_OF_ORDER = "out-of-order"
    PERSONAL_ALTERED = "personal-altered"
    ERASED_WITHOUT_ENTRY = "erased-without-entry"
    HEAD_DIFFERS = "head-differs"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    UNANCHORED = "unanchored"
    PRUNED_WITHOUT_ENTRY = "pruned-without-entry"
    UNKNOWN_KEY = "unknown-key"
    BAD_SIGNATURE = "bad-signature"
    UNCOVERED = "uncovered"


_MEANING = {
    FaultCode.ALTERED: "the entry does not have the hash that it is kept with",
    FaultCode.OTHER_TENANT: "the entry is of another tenant's chain",
    FaultCode.BROKEN_LINK: "the entry does not name the hash of the entry before it",
    FaultCode.GAP: "entries before it are missing",
    FaultCode.OUT_OF_ORDER: "the entry stands twice, or after a later one",
    FaultCode.PERSONAL_ALTERED: "the personal data are not those that the entry was written with",
    FaultCode.ERASED_WITHOUT_ENTRY: "personal data are gone, and no entry says that they were erased",
    FaultCode.HEAD_DIFFERS: "the chain's head names another last entry: the tail was removed, or added to",
    FaultCode.TRUNCATED: "a checkpoint covers an entry that is not there: the tail was removed",
    FaultCode.REWRITTEN: "a checkpoint vouches for another hash: the chain was written anew",
    FaultCode.UNANCHORED: "the chain begins here, and no valid checkpoint vouches for what was before",
    FaultCode.PRUNED_WITHOUT_ENTRY: "the chain begins here, and no entry says that older ones were removed",
    FaultCode.UNKNOWN_KEY: "a checkpoint is signed by a key that is not trusted",
    FaultCode.BAD_SIGNATURE: "a checkpoint's signature is not valid",
    FaultCode.UNCOVERED: "too many entries after the last checkpoint: checkpoints were removed",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not fit, and where."""

    code: FaultCode
    tenant: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.tenant} {self.sequence}: {self.code}: {_MEANING[self.code]}"


class ChainVerifier:
    """Verifies one tenant's chain: `add` every entry in the order of their sequence, then `finish`.

    `checkpoints` are those of the database and those that were kept elsewhere. `max_uncovered` is how many entries may
    stand after the last one; null where it is not known.
    """

    def __init__(
        self, tenant: str, checkpoints: Iterable[Checkpoint], keys: TrustedKeys, max_uncovered: int | None = None
    ) -> None:
        self.faults: list[Fault] = []
        self._tenant = tenant
        self._max_uncovered = max_uncovered
        self._vouched: dict[int, set[str]] = {}
        self._first: AuditEntry | None = None
        self._last: AuditEntry | None = None
        self._erased: set[str] = set()
        self._gone: list[AuditEntry] = []
        self._pruned: set[str] = set()
        for checkpoint in checkpoints:
            self._accept(checkpoint, keys)

    def _accept(self, checkpoint: Checkpoint, keys: TrustedKeys) -> None:
        if not keys.knows(checkpoint):
            self._fault(FaultCode.UNKNOWN_KEY, checkpoint.sequence)
        elif not keys.signed(checkpoint):
            self._fault(FaultCode.BAD_SIGNATURE, checkpoint.sequence)
        else:
            self._vouched.setdefault(checkpoint.sequence, set()).add(checkpoint.hash)

    def _fault(self, code: FaultCode, sequence: int) -> None:
        self.faults.append(Fault(code, self._tenant, sequence))

    def add(self, entry: AuditEntry) -> None:
        """Verify the next entry."""
        if entry.tenant != self._tenant:
            self._fault(FaultCode.OTHER_TENANT, entry.sequence)
        if not _holds(lambda: entry.computed_hash() == entry.hash):
            self._fault(FaultCode.ALTERED, entry.sequence)
        if not _holds(entry.keeps_commitment):
            self._fault(FaultCode.PERSONAL_ALTERED, entry.sequence)
        if self._vouched.get(entry.sequence, {entry.hash}) != {entry.hash}:
            self._fault(FaultCode.REWRITTEN, entry.sequence)
        self._verify_link(entry)
        self._note(entry)
        self._last = entry

    def _verify_link(self, entry: AuditEntry) -> None:
        if self._last is None:
            self._first = entry
            if entry.sequence == 1 and entry.previous != GENESIS:
                self._fault(FaultCode.BROKEN_LINK, 1)
            if entry.sequence > 1 and self._vouched.get(entry.sequence - 1) != {entry.previous}:
                self._fault(FaultCode.UNANCHORED, entry.sequence)
            return
        if entry.sequence <= self._last.sequence:
            self._fault(FaultCode.OUT_OF_ORDER, entry.sequence)
        if entry.sequence > self._last.sequence + 1:
            self._fault(FaultCode.GAP, entry.sequence)
        if entry.previous != self._last.hash:
            self._fault(FaultCode.BROKEN_LINK, entry.sequence)

    def _note(self, entry: AuditEntry) -> None:
        """Remember what an entry says about others; erasures and prunings come after what they are about."""
        if entry.is_erased:
            self._gone.append(entry)
        if entry.action == Action.LOG_ERASED:
            self._erased.add(entry.object)
        if entry.action == Action.LOG_PRUNED:
            self._pruned.add(str(entry.details.get("through")))

    def finish(self, head: Head | None) -> list[Fault]:
        """Verify the end of the chain and return everything that was found; an export has no head."""
        last, last_hash = (0, GENESIS) if self._last is None else (self._last.sequence, self._last.hash)
        if head is not None and (head.sequence, head.hash) != (last, last_hash):
            self._fault(FaultCode.HEAD_DIFFERS, last)
        covered = max(self._vouched, default=0)
        if covered > last:
            self._fault(FaultCode.TRUNCATED, covered)
        if self._max_uncovered is not None and last - min(covered, last) > self._max_uncovered:
            self._fault(FaultCode.UNCOVERED, last)
        if self._first is not None and self._first.sequence > 1 and str(self._first.sequence - 1) not in self._pruned:
            self._fault(FaultCode.PRUNED_WITHOUT_ENTRY, self._first.sequence)
        for entry in self._gone:
            if entry.object not in self._erased:
                self._fault(FaultCode.ERASED_WITHOUT_ENTRY, entry.sequence)
        return self.faults


def _holds(claim: Callable[[], bool]) -> bool:
    """Whether a claim holds; of what the log cannot have written, none does."""
    try:
        return claim()
    except (TypeError, ValueError, RecursionError):
        return False
