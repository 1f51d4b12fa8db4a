"""A replay is read from the reports' own token counts and from Serve's request counters."""

import pytest

from loadtests.bench.routing import Asked, counted, figures, re_read_figures, replayed

SCRAPE = """\
# HELP ray_serve_deployment_request_counter_total The number of queries that have been processed in this replica.
ray_serve_deployment_request_counter_total{application="clara",deployment="engine",replica="one",route="/"} 7.0
ray_serve_deployment_request_counter_total{application="clara",deployment="engine",replica="one",route=""} 2.0
ray_serve_deployment_request_counter_total{deployment="engine",application="clara",replica="two",route="/"} 5.0
ray_serve_deployment_request_counter_total{application="clara",deployment="gateway",replica="three",route="/"} 9.0
ray_serve_deployment_error_counter_total{application="clara",deployment="engine",replica="one",route="/"} 1.0
"""


def test_requests_are_counted_by_engine_replica() -> None:
    assert counted(SCRAPE) == {"one": 9, "two": 5}


def test_a_turn_that_misses_its_image_is_an_encoder_call() -> None:
    asked = [Asked((False, True)), Asked((False, False)), Asked(failure="engine-gone")]

    found = figures(asked, [30, 10])

    assert (found["reports"], found["failures"]) == (2, {"engine-gone": 1})
    assert found["turn_2_on_the_same_replica"] == 0.5
    assert found["encoder_calls_per_report"] == 1.5
    assert found["max_to_mean_load"] == pytest.approx(1.5)


def test_a_second_reading_is_judged_by_its_first_turn() -> None:
    asked = [Asked((True, True)), Asked((False, True)), Asked((True, True)), Asked(failure="engine-gone")]

    assert re_read_figures(asked) == {"re_reads": 3, "re_reads_that_found_their_image": pytest.approx(2 / 3)}


async def test_something_happens_when_a_quarter_is_done() -> None:
    happened: list[int] = []
    done: list[bytes] = []

    async def ask(film: bytes) -> Asked:
        done.append(film)
        return Asked((False, True))

    await replayed([b"film"] * 8, 1, ask, lambda: happened.append(len(done)))

    assert happened == [2]
    assert len(done) == 8
