"""What is in progress, counted for each caller, for each tenant and for the platform, and held against their bounds.

Beyond a caller's or a tenant's bound is 429: they can mend it. Beyond the platform's is 503: we can.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from serve_app.admission.mean import RunningMean
from serve_app.domain.call import Principal
from serve_app.domain.errors import ClaraError, Overloaded, QuotaExceeded
from serve_app.settings import AdmissionSettings, GatewaySettings, Quota, or_none

Hold = Callable[[int], None]
"""Called with the bytes that an upload takes, as far as known."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a quota of requests: `num_left` of `num_requests` a minute, all of them again in `full_in_s`."""

    num_requests: int
    num_left: int
    full_in_s: int


class Quotas:
    """What one process has in progress. An upload that is alone may have more bytes than all together may."""

    def __init__(
        self, gateway: GatewaySettings, settings: AdmissionSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._platform = _Group(gateway.max_uploads, gateway.max_in_flight_bytes, None, _overloaded, clock)
        self._groups: dict[str, _Group] = {}

    @contextmanager
    def admitted(self, principal: Principal, declared_bytes: int) -> Iterator[Hold]:
        """Hold one report of a caller, from the first byte of the request to the last of its answer.

        Raises:
            QuotaExceeded: the caller or its tenant has used up what it may have.
            Overloaded: the platform has.
        """
        of_tenant = self._settings.of(principal.tenant)
        names = {
            f"caller {principal.tenant} {principal.subject}": of_tenant.caller,
            f"tenant {principal.tenant}": of_tenant.tenant,
        }
        groups = [*(self._group(name, quota) for name, quota in names.items()), self._platform]
        try:
            with ExitStack() as stack:
                holds = [stack.enter_context(group.admitted(declared_bytes)) for group in groups]

                def hold(num_bytes: int) -> None:
                    for one in holds:
                        one(num_bytes)

                yield hold
        finally:
            self._forget(names)

    def left(self, principal: Principal) -> Left | None:
        """Tell what is left of a caller's requests, or of its tenant's; None if neither is bounded."""
        names = (f"caller {principal.tenant} {principal.subject}", f"tenant {principal.tenant}")
        lefts = [left for name in names if name in self._groups and (left := self._groups[name].left()) is not None]
        return min(lefts, key=lambda left: left.num_left, default=None)

    def _group(self, name: str, quota: Quota) -> "_Group":
        if name not in self._groups:
            self._groups[name] = _Group(
                or_none(quota.max_reports, "none"),
                or_none(quota.max_bytes, "none"),
                or_none(quota.requests_per_minute, "none"),
                _exceeded(name.partition(" ")[0]),
                self._clock,
            )
        return self._groups[name]

    def _forget(self, names: dict[str, Quota]) -> None:
        """Drop what no longer says anything: callers come and go."""
        for name in names:
            if name in self._groups and self._groups[name].is_idle():
                del self._groups[name]


class _Group:
    """What is in progress on behalf of one caller, one tenant, or all."""

    def __init__(
        self,
        max_reports: int | None,
        max_bytes: int | None,
        requests_per_minute: int | None,
        error: Callable[[str, float], ClaraError],
        clock: Callable[[], float],
    ) -> None:
        self._max_reports, self._max_bytes = max_reports, max_bytes
        self._bucket = None if requests_per_minute is None else _Bucket(requests_per_minute, clock)
        self._error = error
        self._clock = clock
        self._mean_s = RunningMean()
        self._num_reports = 0
        self._num_bytes = 0

    @contextmanager
    def admitted(self, declared_bytes: int) -> Iterator[Hold]:
        if self._max_reports is not None and self._num_reports >= self._max_reports:
            raise self._error("reports", self._next_end_s())
        if self._bucket is not None and (wait_s := self._bucket.taken()) > 0:
            raise self._error("requests", wait_s)
        held_bytes = 0

        def hold(num_bytes: int) -> None:
            nonlocal held_bytes
            others_bytes = self._num_bytes - held_bytes
            if others_bytes and self._max_bytes is not None and others_bytes + num_bytes > self._max_bytes:
                raise self._error("bytes", self._next_end_s())
            held_bytes, self._num_bytes = num_bytes, others_bytes + num_bytes

        self._num_reports += 1
        started_s = self._clock()
        try:
            hold(declared_bytes)
            yield hold
            self._mean_s.note(self._clock() - started_s)
        finally:
            self._num_reports -= 1
            self._num_bytes -= held_bytes

    def _next_end_s(self) -> float:
        """Estimate when the next of those in progress ends."""
        return (self._mean_s.value or 0.0) / max(1, self._num_reports)

    def left(self) -> Left | None:
        return None if self._bucket is None else self._bucket.left()

    def is_idle(self) -> bool:
        return self._num_reports == 0 and (self._bucket is None or self._bucket.is_full())


class _Bucket:
    """A token bucket: one minute's requests at most, refilled evenly."""

    def __init__(self, requests_per_minute: int, clock: Callable[[], float]) -> None:
        self._size = requests_per_minute
        self._clock = clock
        self._num_tokens, self._filled_s = float(requests_per_minute), clock()

    def taken(self) -> float:
        """Take one request; otherwise tell how many seconds are missing."""
        self._fill()
        if self._num_tokens < 1:
            return (1 - self._num_tokens) * 60 / self._size
        self._num_tokens -= 1
        return 0.0

    def left(self) -> Left:
        self._fill()
        full_in_s = (self._size - self._num_tokens) * 60 / self._size
        return Left(self._size, int(self._num_tokens), math.ceil(full_in_s))

    def is_full(self) -> bool:
        self._fill()
        return self._num_tokens >= self._size

    def _fill(self) -> None:
        now_s = self._clock()
        gained = (now_s - self._filled_s) * self._size / 60
        self._num_tokens, self._filled_s = min(self._size, self._num_tokens + gained), now_s


def _exceeded(whose: str) -> Callable[[str, float], ClaraError]:
    def error(what: str, wait_s: float) -> ClaraError:
        return QuotaExceeded(f"the {whose}'s quota of {what} is used up", f"{whose}-{what}", max(1, math.ceil(wait_s)))

    return error


def _overloaded(what: str, wait_s: float) -> ClaraError:
    kind = "reports" if what == "reports" else "images"
    return Overloaded(f"too many {kind} are in progress", max(1, math.ceil(wait_s)))
