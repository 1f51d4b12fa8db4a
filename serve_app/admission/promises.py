"""Whom we told when to come back: their places are kept, so that a Retry-After is true."""

import bisect

# So long a place is kept for a client that comes late.
_GRACE_S = 2.0


class Promises:
    """Times at which callers were told to come back, by tenant."""

    def __init__(self) -> None:
        self._due: dict[str, list[tuple[float, str]]] = {}

    def add(self, tenant: str, subject: str, due_s: float) -> None:
        """Keep a place."""
        bisect.insort(self._due.setdefault(tenant, []), (due_s, subject))

    def count(self, tenant: str, now_s: float) -> int:
        """Count the places that are kept."""
        return len(self._current(tenant, now_s))

    def counts(self, now_s: float) -> dict[str, int]:
        """Count the places that are kept, by tenant."""
        return {tenant: self.count(tenant, now_s) for tenant in tuple(self._due)}

    def take(self, tenant: str, subject: str, now_s: float) -> bool:
        """Use up a caller's oldest place; false if it has none, or comes too early."""
        for index, (due_s, name) in enumerate(self._current(tenant, now_s)):
            if due_s > now_s:
                return False
            if name == subject:
                del self._due[tenant][index]
                return True
        return False

    def _current(self, tenant: str, now_s: float) -> list[tuple[float, str]]:
        """Forget the places of those who did not come."""
        kept = [one for one in self._due.get(tenant, ()) if one[0] + _GRACE_S > now_s]
        if kept:
            self._due[tenant] = kept
        else:
            self._due.pop(tenant, None)
        return kept
