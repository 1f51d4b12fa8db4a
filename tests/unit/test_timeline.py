"""A start is told phase by phase, in seconds since it began."""

import gc

import pytest

from serve_app.timeline import Phase, Timeline, lasting_imports


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.unix_s = 1_000_000.0

    def __call__(self) -> float:
        return self.unix_s


def test_each_phase_is_told_when_it_ends() -> None:
    clock, lines = Clock(), list[str]()
    timeline = Timeline(lines.append, now=clock)

    clock.unix_s += 2
    with timeline.phase("load"):
        clock.unix_s += 10.25
    timeline.note("engine healthy")

    assert lines == [" 12.2 s  load took 10.2 s", " 12.2 s  engine healthy"]
    assert timeline.phases == (Phase("load", 1_000_002.0, 1_000_012.25),)


def test_a_part_keeps_its_own_time_in_the_whole() -> None:
    clock, lines = Clock(), list[str]()
    whole = Timeline(lines.append, now=clock)
    clock.unix_s += 5
    part = Timeline(now=clock)
    with part.phase("imports"):
        clock.unix_s += 3
    clock.unix_s += 20

    whole.include(part.phases, of="engine")

    assert lines == ["  8.0 s  engine imports took 3.0 s"]


def test_a_phase_that_fails_is_none() -> None:
    timeline = Timeline()

    with pytest.raises(OSError, match="no checkpoint"), timeline.phase("load"):
        raise OSError("no checkpoint")

    assert timeline.phases == ()


def test_imports_that_last_leave_the_collector_on_and_what_they_made_out_of_it() -> None:
    before = gc.get_freeze_count()
    try:
        with lasting_imports():
            assert not gc.isenabled()
        assert gc.isenabled() and gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


def test_the_collector_is_on_again_after_an_import_that_fails() -> None:
    with pytest.raises(ImportError), lasting_imports():
        raise ImportError

    assert gc.isenabled()
