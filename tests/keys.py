"""Time and a store of API keys, in memory."""

from dataclasses import replace

from serve_app.domain.access import ApiKey
from serve_app.domain.errors import Unavailable


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.unix_s = 1_000_000.0

    def __call__(self) -> float:
        return self.unix_s


class Keys:
    """A store in memory that counts what it is asked, and may be down."""

    def __init__(self, *kept: ApiKey) -> None:
        self.kept = {key.id: key for key in kept}
        self.num_reads = 0
        self.uses: list[float] = []
        self.is_down = False

    async def find(self, key_id: str) -> ApiKey | None:
        if self.is_down:
            raise Unavailable("the database does not answer")
        self.num_reads += 1
        return self.kept.get(key_id)

    async def list_keys(self, tenant: str | None = None) -> list[ApiKey]:
        return [key for key in self.kept.values() if tenant in (None, key.tenant)]

    async def add(self, key: ApiKey) -> None:
        self.kept[key.id] = key

    async def revoke(self, key_id: str, unix_s: float) -> None:
        self.kept[key_id] = replace(self.kept[key_id], revoked_unix_s=unix_s)

    async def expire(self, key_id: str, unix_s: float) -> None:
        self.kept[key_id] = replace(self.kept[key_id], expires_unix_s=unix_s)

    async def note_use(self, key_id: str, unix_s: float) -> None:
        self.uses.append(unix_s)
        self.kept[key_id] = replace(self.kept[key_id], last_used_unix_s=unix_s)
