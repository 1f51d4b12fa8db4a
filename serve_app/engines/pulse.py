"""Detects a stalled engine: one that is alive and has work but emits nothing."""

import contextlib
import time
from collections.abc import Callable, Iterator

from serve_app.domain.errors import EngineGone


class Pulse:
    """Measures how long the engine has had work and emitted nothing. `now` is a monotonic clock, in seconds.

    Silence adds up over requests: a client that leaves without an answer is not a sign of life.
    """

    def __init__(self, stall_timeout_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._stall_timeout_s = stall_timeout_s
        self._now = now
        self._num_running = 0
        # The silence of earlier requests, and the start of the current silence.
        self._silence_s = 0.0
        self._waiting_since_s = 0.0

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Count a request while it is in progress. An idle engine may be silent."""
        if self._num_running == 0:
            self._waiting_since_s = self._now()
        self._num_running += 1
        try:
            yield
        finally:
            self._num_running -= 1
            if self._num_running == 0:
                self._silence_s += self._now() - self._waiting_since_s

    def beat(self) -> None:
        """Record that the engine has emitted something."""
        self._silence_s, self._waiting_since_s = 0.0, self._now()

    def require(self) -> None:
        """Return if the engine has emitted something recently, or had no work.

        Raises:
            EngineGone: it had work and emitted nothing for longer than the stall timeout.
        """
        waiting_s = self._now() - self._waiting_since_s if self._num_running else 0.0
        if self._silence_s + waiting_s > self._stall_timeout_s:
            raise EngineGone("the model engine has emitted no token for too long")
