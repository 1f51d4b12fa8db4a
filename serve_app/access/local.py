"""Without authentication everyone is the local principal: for one machine, or behind a door that authenticates."""

from serve_app.domain.access import Credentials
from serve_app.domain.call import Principal, Scope

LOCAL = Principal(subject="local", tenant="local", scopes=frozenset(Scope))


class LocalAuthenticator:
    """Implements the `Authenticator` port by asking nothing."""

    async def authenticate(self, _: Credentials) -> Principal:
        """Name the local principal; see `ports.Authenticator`."""
        return LOCAL
