"""Which authenticator a credential goes to, and that none of them rescues another's refusal."""

import pytest

from serve_app.access.door import AnyOf
from serve_app.domain.access import Credentials
from serve_app.domain.call import Principal
from serve_app.domain.errors import InvalidToken, Unauthenticated


class Named:
    """Lets everybody in under one name."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def authenticate(self, _: Credentials) -> Principal:
        return Principal(self._name, "hospital", frozenset())


class Closed:
    """Lets nobody in."""

    async def authenticate(self, _: Credentials) -> Principal:
        raise InvalidToken("no")


@pytest.mark.parametrize(
    ("bearer", "certificate", "subject"),
    [
        ("clara_0_1", None, "key"),
        ("eyJhbGciOi.e30.x", None, "token"),
        (None, "URI=a", "certificate"),
        ("clara_0_1", "URI=a", "key"),
        ("eyJhbGciOi.e30.x", "URI=a", "token"),
    ],
)
async def test_each_kind_goes_to_its_own(bearer: str | None, certificate: str | None, subject: str) -> None:
    door = AnyOf(Named("key"), Named("token"), Named("certificate"))

    assert (await door.authenticate(Credentials(bearer, certificate))).subject == subject


@pytest.mark.parametrize("bearer", ["clara_0_1", "eyJhbGciOi.e30.x", "anything"])
async def test_a_certificate_does_not_rescue_a_bearer(bearer: str) -> None:
    for door in (AnyOf(Closed(), Closed(), Named("certificate")), AnyOf(None, None, Named("certificate"))):
        with pytest.raises(InvalidToken):
            await door.authenticate(Credentials(bearer, "URI=a"))


@pytest.mark.parametrize("credentials", [Credentials(), Credentials(None, "URI=a"), Credentials("clara_0_1")], ids=repr)
async def test_what_nobody_reads_opens_nothing(credentials: Credentials) -> None:
    with pytest.raises(Unauthenticated):
        await AnyOf(None, None).authenticate(credentials)
