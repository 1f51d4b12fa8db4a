"""An engine that may rest: ready without a replica, awake for the first report."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serve.conftest import Platform, drawn_film, start
from tests.serve.test_platform import post

pytestmark = pytest.mark.cluster


@pytest.fixture
def resting_platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform whose engine may have no replica."""
    yield from start(
        tmp_path, {"engine": {"backend": "scripted", "scaling": {"min_replicas": 0, "upscale_delay_s": 0}}}
    )


def test_a_resting_engine_is_ready_and_wakes_for_a_report(resting_platform: Platform, tmp_path: Path) -> None:
    resting = httpx.get(f"{resting_platform.url}/readyz")
    report = post(resting_platform, drawn_film(tmp_path, 31).read_bytes())
    awake = httpx.get(f"{resting_platform.url}/readyz")

    assert (resting.status_code, resting.json()["reason"]) == (200, "at-zero")
    assert report.status_code == 200
    assert (awake.status_code, awake.json()["reason"]) == (200, "serving")
