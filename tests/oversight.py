"""An audit log and stops in memory."""

from serve_app.domain.audit import GENESIS, AuditEntry, AuditEvent, canonical, chained
from serve_app.domain.errors import AuditUnavailable, Unavailable
from serve_app.domain.stop import Stop
from serve_app.ports import Oversight
from serve_app.records.stops import PolledStops


class Log:
    """Keeps what is appended, unless it is down; what is kept is read as entries."""

    def __init__(self, *, is_down: bool = False) -> None:
        self.events: list[AuditEvent] = []
        self.is_down = is_down

    async def append(self, event: AuditEvent) -> None:
        if self.is_down:
            raise AuditUnavailable("the audit log cannot be written now")
        canonical([event.details, event.personal])
        self.events.append(event)

    async def page(self, tenant: str, after: int, limit: int, since_unix_ms: int = 0) -> list[AuditEntry]:
        own = [event for event in self.events if event.tenant == tenant]
        entries = [chained(event, n, GENESIS, n * 1000) for n, event in enumerate(own, 1)]
        return [one for one in entries if one.sequence > after and one.time_unix_ms >= since_unix_ms][:limit]


class Stops:
    """Stops in memory that may be down."""

    def __init__(self, *stops: Stop) -> None:
        self.stops = list(stops)
        self.is_down = False

    async def list_stops(self) -> list[Stop]:
        if self.is_down:
            raise Unavailable("the database does not answer")
        return list(self.stops)

    async def put(self, stop: Stop) -> None:
        await self.lift(stop.id)
        self.stops.append(stop)

    async def lift(self, stop_id: str) -> None:
        self.stops = [stop for stop in self.stops if stop.id != stop_id]


def oversight(*stops: Stop, log: Log | None = None) -> Oversight:
    """Make one that knows these stops."""
    store, kept = Stops(*stops), log or Log()
    return Oversight(kept, kept, store, PolledStops(store, poll_s=0.01))
