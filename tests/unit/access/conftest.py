from collections.abc import Iterator

import pytest

from tests.unit.access.issuers import Issuer, serving


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Run an issuer of tokens."""
    with serving() as running:
        yield running
