"""How long something took lately."""

import pytest

from serve_app.admission.mean import RunningMean


def test_the_first_values_weigh_the_same_and_old_ones_fade() -> None:
    mean = RunningMean()
    assert mean.value is None
    for value in (1.0, 2.0, 3.0):
        mean.note(value)
    assert mean.value == pytest.approx(2)
    for _ in range(500):
        mean.note(10.0)
    assert mean.value == pytest.approx(10, abs=0.01)
