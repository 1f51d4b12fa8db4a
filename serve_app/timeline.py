"""A start: its phases with the time that each took, and imports that are paid for once.

Knows nothing of what starts.
"""

import contextlib
import gc
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase that has ended; by the wall clock, so that phases of several processes make one line of time."""

    name: str
    began_unix_s: float
    ended_unix_s: float

    @property
    def took_s(self) -> float:
        """How long it took."""
        return self.ended_unix_s - self.began_unix_s


class Timeline:
    """The phases of one start in the order they ended.

    `tell` is called with a line for each, which begins with the seconds since the timeline was made.
    """

    def __init__(self, tell: Callable[[str], None] | None = None, now: Callable[[], float] = time.time) -> None:
        self._tell = tell
        self._now = now
        self._began_unix_s = now()
        self._phases: list[Phase] = []

    @property
    def phases(self) -> tuple[Phase, ...]:
        """What has ended so far."""
        return tuple(self._phases)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the context; a failure is not recorded as a phase."""
        began_unix_s = self._now()
        yield
        self._add(Phase(name, began_unix_s, self._now()))

    def include(self, phases: Iterable[Phase], of: str) -> None:
        """Take in the phases of a part that kept its own timeline."""
        for phase in phases:
            self._add(Phase(f"{of} {phase.name}", phase.began_unix_s, phase.ended_unix_s))

    def note(self, words: str) -> None:
        """Report what happens now."""
        self._say(self._now(), words)

    def _add(self, phase: Phase) -> None:
        self._phases.append(phase)
        self._say(phase.ended_unix_s, f"{phase.name} took {phase.took_s:.1f} s")

    def _say(self, unix_s: float, words: str) -> None:
        if self._tell is not None:
            self._tell(f"{unix_s - self._began_unix_s:5.1f} s  {words}")


@contextlib.contextmanager
def lasting_imports() -> Iterator[None]:
    """Import in this context what stays until the process ends.

    vLLM's imports make 780 000 objects that live on. Looking for garbage among them costs a fifth of the time to import
    it, and later 0.4 s whenever the collector comes round: it is off meanwhile, and never looks at them again.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
