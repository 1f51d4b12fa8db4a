"""HAProxy is held against Serve's own proxy by what the door costs, and round by round."""

import pytest

from loadtests.bench.films import large_films
from loadtests.bench.proxies import figures
from loadtests.bench.rounds import Round
from loadtests.bench.targets import Sample

SAMPLES = (Sample(0, 2.0, 28, "tim to"), Sample(1, 4.0, 28, "tim to"))


def test_the_door_is_proxy_and_gateway_together() -> None:
    serve = [Round(2.0, SAMPLES, {"proxy": 0.5, "gateway": 0.3, "preprocessor": 9.0})]
    haproxy = [Round(3.0, SAMPLES, {"proxy": 0.1, "gateway": 0.1})]

    found = figures({"serve": serve, "haproxy": haproxy})

    assert found["serve"]["door_cpu_s_per_report"] == pytest.approx(0.4)
    assert found["ratios"]["door_cpu_s_per_report"] == pytest.approx(0.25)
    assert found["haproxy"]["cpu_s_per_report_of"] == {"proxy": 0.05, "gateway": 0.05}


def test_every_round_is_held_against_the_one_beside_it() -> None:
    serve = [Round(reports_per_s, SAMPLES) for reports_per_s in (2.0, 4.0)]
    haproxy = [Round(reports_per_s, SAMPLES) for reports_per_s in (3.0, 3.0)]

    assert figures({"serve": serve, "haproxy": haproxy})["reports_per_s_ratio_of_rounds"] == [1.5, 0.75]


def test_large_films_are_as_large_as_they_are_told_to_be() -> None:
    assert [len(film) for film in large_films(1, 2, 1_000_000)] == pytest.approx([1_000_000] * 2, rel=0.02)
