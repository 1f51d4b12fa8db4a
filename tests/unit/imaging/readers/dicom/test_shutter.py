"""What lies outside a display shutter is black."""

from typing import Any

import numpy as np
import pytest

from tests.unit.imaging.files import dicom, ramp
from tests.unit.imaging.readers.dicom.samples import shown

BRIGHT = np.full((80, 100), 200, np.uint8)
RECTANGLE = {
    "ShutterShape": "RECTANGULAR",
    "ShutterLeftVerticalEdge": 11,
    "ShutterRightVerticalEdge": 90,
    "ShutterUpperHorizontalEdge": 21,
    "ShutterLowerHorizontalEdge": 70,
}
CIRCLE = {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [41, 51], "RadiusOfCircularShutter": 20}
POLYGON = {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [1, 1, 1, 100, 80, 1]}


def is_open(**elements: Any) -> Any:
    return shown(dicom(BRIGHT, **elements)) > 0


def test_a_rectangle_leaves_its_rows_and_columns_open_edges_included() -> None:
    expected = np.zeros(BRIGHT.shape, bool)
    expected[20:70, 10:90] = True
    assert np.array_equal(is_open(**RECTANGLE), expected)


def test_a_circle_is_centred_on_its_row_and_column() -> None:
    rows, columns = np.mgrid[:80, :100]
    distance = np.hypot(rows - 40, columns - 50)
    opened = is_open(**CIRCLE)
    assert opened[distance < 19].all()
    assert not opened[distance > 21].any()


def test_a_polygon_is_given_by_rows_and_columns() -> None:
    opened = is_open(**POLYGON)
    assert opened[5, 5]
    assert not opened[75, 95]


def test_of_several_shutters_only_what_is_open_in_all_is_shown() -> None:
    both = RECTANGLE | CIRCLE | {"ShutterShape": ["RECTANGULAR", "CIRCULAR"]}
    assert np.array_equal(is_open(**both), is_open(**RECTANGLE) & is_open(**CIRCLE))


@pytest.mark.parametrize(
    "change",
    [
        {"ShutterLeftVerticalEdge": None},
        {"ShutterLeftVerticalEdge": 95},
        {"ShutterLeftVerticalEdge": 200, "ShutterRightVerticalEdge": 300},
        {"ShutterShape": "BITMAP"},
        {"ShutterRightVerticalEdge": 2_000_000_000},
    ],
)
def test_a_shutter_that_leaves_nothing_open_or_cannot_be_read_counts_as_absent(change: dict[str, Any]) -> None:
    elements = {keyword: value for keyword, value in (RECTANGLE | change).items() if value is not None}
    assert is_open(**elements).all()


def test_a_shutter_turns_along_with_its_film() -> None:
    turned = shown(dicom(ramp(100, 80) | 1, PatientOrientation=["R", "H"], **RECTANGLE))
    expected = np.zeros((80, 100), bool)
    expected[10:60, 10:90] = True
    assert np.array_equal(turned > 0, expected)
