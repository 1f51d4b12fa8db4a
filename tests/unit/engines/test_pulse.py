"""An engine that works and says nothing is dead; one that has nothing to do is not."""

import pytest

from serve_app.domain.errors import EngineGone
from serve_app.engines.pulse import Pulse


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_silence_with_requests_in_progress_is_death() -> None:
    clock = Clock()
    pulse = Pulse(stall_timeout_s=60, now=clock)
    with pulse.request():
        clock.now_s = 61
        with pytest.raises(EngineGone):
            pulse.require()


def test_a_word_is_a_sign_of_life() -> None:
    clock = Clock()
    pulse = Pulse(stall_timeout_s=60, now=clock)
    with pulse.request():
        clock.now_s = 50
        pulse.beat()
        clock.now_s = 109
        pulse.require()


def test_an_idle_engine_need_not_speak() -> None:
    clock = Clock()
    pulse = Pulse(stall_timeout_s=60, now=clock)
    with pulse.request():
        pass
    clock.now_s = 3600
    pulse.require()
    with pulse.request():
        pulse.require()


def test_a_second_request_does_not_hide_the_silence_of_the_first() -> None:
    clock = Clock()
    pulse = Pulse(stall_timeout_s=60, now=clock)
    with pulse.request():
        clock.now_s = 59
        with pulse.request():
            clock.now_s = 61
            with pytest.raises(EngineGone):
                pulse.require()


def test_clients_that_give_up_one_after_another_do_not_hide_the_silence() -> None:
    clock = Clock()
    pulse = Pulse(stall_timeout_s=60, now=clock)
    for _ in range(2):
        with pulse.request():
            clock.now_s += 29
            pulse.require()
        clock.now_s += 3600
        pulse.require()
    with pulse.request():
        clock.now_s += 3
        with pytest.raises(EngineGone):
            pulse.require()


def test_a_word_ends_the_silence_of_all_before() -> None:
    clock = Clock()
    pulse = Pulse(stall_timeout_s=60, now=clock)
    for _ in range(20):
        with pulse.request():
            clock.now_s += 29
        with pulse.request():
            pulse.beat()
        pulse.require()
