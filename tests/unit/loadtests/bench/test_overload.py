"""How `clara bench overload` names what it was answered and reads what was counted."""

import httpx
import pytest

from loadtests.bench.overload import _OUTCOME, kind_of

PROBLEM = {"code": "overloaded"}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(200), "200"),
        (httpx.Response(503), "503 without a problem document"),
        (httpx.Response(503, json=PROBLEM), "503 without a problem document"),
        (
            httpx.Response(503, json=PROBLEM, headers={"Content-Type": "application/problem+json"}),
            "503 overloaded without Retry-After",
        ),
        (
            httpx.Response(503, json=PROBLEM, headers={"Content-Type": "application/problem+json", "Retry-After": "5"}),
            "503 overloaded",
        ),
    ],
)
def test_an_answer_is_named_by_what_it_lacks(answer: httpx.Response, kind: str) -> None:
    assert kind_of(answer) == kind


def test_outcomes_are_read_from_rays_metrics() -> None:
    text = (
        'ray_clara_reports_total{NodeAddress="127.0.0.1",outcome="ok",WorkerId="a"} 3.0\n'
        'ray_clara_stage_duration_seconds_count{outcome="ok"} 4.0\n'
        'ray_clara_reports_total{outcome="unavailable"} 9.0\n'
    )

    assert _OUTCOME.findall(text) == [("ok", "3.0"), ("unavailable", "9.0")]
