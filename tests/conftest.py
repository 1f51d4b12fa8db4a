"""Fixtures every test may use."""

import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def logging_of_the_process() -> Iterator[None]:
    """Put back what a test set for the whole process, as a replica does when it starts."""
    factory, show = logging.getLogRecordFactory(), warnings.showwarning
    yield
    logging.setLogRecordFactory(factory)
    warnings.showwarning = show


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real films, named by CLARA_SHARED_DATA; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("CLARA_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real films: CLARA_SHARED_DATA names no folder ({folder.name})")
    return folder


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' own checker; tests that need it skip where it is absent."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (it comes with prometheus)")
    return Path(found)
