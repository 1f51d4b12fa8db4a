"""The grayscale pipeline follows the standard's formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.imaging.grayscale import Rescale, Stored, Table, Window, WindowFunction, display

LINEAR, EXACT, SIGMOID = WindowFunction.LINEAR, WindowFunction.LINEAR_EXACT, WindowFunction.SIGMOID


def test_a_linear_window_follows_the_standards_example() -> None:
    # PS3.3 C.11.2.1.2.1: c 2048, w 4096 over 0..4095 is the identity.
    values = np.arange(4096, dtype=np.float64)
    assert np.allclose(Window(2048, 4096).unit(values), values / 4095)


def test_linear_and_exact_windows_differ_by_the_standards_half_pixel() -> None:
    values = np.array([-1.0, 0.0, 50.0, 100.0, 101.0])
    assert np.allclose(Window(50, 100, EXACT).unit(values), [0, 0, 0.5, 1, 1])
    assert np.allclose(Window(50, 100).unit(values), [0, 0, 50 / 99, 1, 1])


def test_a_sigmoid_window_is_half_at_its_centre_and_never_clips() -> None:
    values = Window(100, 40, SIGMOID).unit(np.array([0.0, 90.0, 100.0, 110.0, 200.0]))
    assert values[2] == 0.5
    assert values[1] + values[3] == pytest.approx(1)
    assert 0 < values[0] < values[4] < 1


def test_a_window_one_wide_is_a_threshold() -> None:
    assert Window(10, 1).unit(np.array([9.0, 9.5, 10.0])).tolist() == [0, 0, 1]


def test_a_table_holds_its_ends() -> None:
    table = Table(-2, np.array([10.0, 20.0, 30.0]), 8)
    assert table.apply(np.array([-100.0, -2.0, -1.0, 0.0, 100.0])).tolist() == [10, 10, 20, 30, 30]


def test_eight_bit_samples_without_a_window_are_shown_as_they_are() -> None:
    samples = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(display(samples, Stored(8, False), Rescale(), None, False), samples)


def test_deep_samples_without_a_window_are_stretched_between_quantiles() -> None:
    samples = np.concatenate([np.arange(1000, 2000), [4095]]).astype(np.uint16)
    shown = display(samples, Stored(12, False), Rescale(), None, False)
    assert (shown[0], shown[-1]) == (0, 255)
    assert shown[500] == pytest.approx(128, abs=2)


def test_padding_is_black_also_on_an_inverted_film_and_does_not_set_the_contrast() -> None:
    samples = np.concatenate([np.arange(1000, 2000), np.full(5000, 4095)]).astype(np.uint16)
    shown = display(samples, Stored(12, False, (4095, 4095)), Rescale(), None, True)
    assert (shown[1000:] == 0).all()
    assert shown[0] == 255
    assert shown[500] == pytest.approx(128, abs=2)


@given(
    bits=st.integers(1, 16),
    is_signed=st.booleans(),
    slope=st.floats(-10, 10).filter(lambda slope: abs(slope) > 1e-3),
    center=st.floats(-1e5, 1e5),
    width=st.floats(1, 1e5),
    function=st.sampled_from(WindowFunction),
    seed=st.integers(0, 9),
)
def test_inversion_is_the_exact_complement(
    bits: int, is_signed: bool, slope: float, center: float, width: float, function: WindowFunction, seed: int
) -> None:
    stored = Stored(bits, is_signed)
    samples = np.random.default_rng(seed).integers(stored.lowest, stored.lowest + (1 << bits), 50)
    window = Window(center, width, function)
    plain, inverted = (display(samples, stored, Rescale(slope), window, is_inverted) for is_inverted in (False, True))
    assert plain.dtype == np.uint8
    assert np.abs(plain.astype(int) + inverted - 255).max() <= 1
    order = np.argsort(samples)
    assert (np.diff(plain[order].astype(int)) * np.sign(slope) >= 0).all()
