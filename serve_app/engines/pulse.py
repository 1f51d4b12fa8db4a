"""Whether an engine that was asked something still says anything: a process may live and never answer."""

import contextlib
import time
from collections.abc import Callable, Iterator

from serve_app.domain.errors import EngineGone


class Pulse:
    """Counts what is in progress and when the engine last said something; `now` is a monotonic clock, in seconds."""

    def __init__(self, stall_timeout_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._stall_timeout_s = stall_timeout_s
        self._now = now
        self._num_running = 0
        self._heard_s = 0.0

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Count a request while it is in progress; an idle engine is not expected to speak."""
        if self._num_running == 0:
            self.beat()
        self._num_running += 1
        try:
            yield
        finally:
            self._num_running -= 1

    def beat(self) -> None:
        """Note that the engine has spoken."""
        self._heard_s = self._now()

    def require(self) -> None:
        """Return if the engine is idle or has spoken lately.

        Raises:
            EngineGone: it has requests in progress and was silent for the stall timeout.
        """
        if self._num_running and self._now() - self._heard_s > self._stall_timeout_s:
            raise EngineGone("the model engine has said nothing for too long")
