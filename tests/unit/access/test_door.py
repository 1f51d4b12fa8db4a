"""Which authenticator a credential is for."""

import pytest

from serve_app.access.door import AnyOf
from serve_app.domain.access import Credentials
from serve_app.domain.call import Principal
from serve_app.domain.errors import Unauthenticated


class Named:
    """Lets everybody in under one name."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def authenticate(self, _: Credentials) -> Principal:
        return Principal(self._name, "hospital", frozenset())


@pytest.mark.parametrize(("bearer", "subject"), [("clara_0_1", "key"), ("eyJhbGciOi.e30.x", "token")])
async def test_each_kind_goes_to_its_own(bearer: str, subject: str) -> None:
    assert (await AnyOf(Named("key"), Named("token")).authenticate(Credentials(bearer))).subject == subject


@pytest.mark.parametrize("bearer", [None, "clara_0_1", "eyJhbGciOi.e30.x"])
async def test_what_nobody_reads_opens_nothing(bearer: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await AnyOf(None, None).authenticate(Credentials(bearer))
