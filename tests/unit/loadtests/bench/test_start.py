"""What `clara up` tells of its start is read back from its output."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.bench.start import Start, figures, read_phase
from serve_app.timeline import Phase, Timeline


@given(
    st.from_regex(r"[A-Za-z][\w-]*( [\w-]+)*", fullmatch=True).filter(lambda name: " took " not in name),
    st.floats(0, 5000),
    st.floats(0, 500),
)
def test_every_phase_that_is_told_can_be_read(name: str, ended_s: float, took_s: float) -> None:
    lines: list[str] = []
    timeline = Timeline(lines.append, now=lambda: 0.0)

    timeline.include([Phase("load", ended_s - took_s, ended_s)], of=name)

    read = read_phase(lines[0])
    assert read is not None and read[0] == f"{name} load"
    assert read[1] == pytest.approx(took_s, abs=0.06)


@pytest.mark.parametrize("line", ["", "  9.3 s  engine healthy", "CLARA is up", "it took 3 s", "load took 3.0 s"])
def test_what_is_no_phase_is_not_read_as_one(line: str) -> None:
    assert read_phase(line) is None


def test_starts_are_summed_up_by_their_medians() -> None:
    starts = [Start(30, {"Ray": 3, "engine load": 12}, 25), Start(50, {"Ray": 4, "engine load": 11}, 28)]
    starts.append(Start(31, {"Ray": 9, "engine load": 13}, 26))

    found = figures(starts)

    assert (found["ready_s"], found["ready_median_s"]) == ([30, 50, 31], 31)
    assert found["phases_median_s"] == {"Ray": 4, "engine load": 12}
    assert found["engine_killed_to_ready_median_s"] == 26
