"""Which authenticator a credential is for."""

from serve_app.access.keys import PREFIX
from serve_app.domain.access import Credentials
from serve_app.domain.call import Principal
from serve_app.domain.errors import InvalidToken, Unauthenticated
from serve_app.ports import Authenticator


class AnyOf:
    """Implements the `Authenticator` port: API keys, tokens and certificates each go to their own.

    A key or token decides alone. A certificate beside it adds nothing and rescues nothing: behind a mesh it names the
    last proxy, and the bearer the caller.
    """

    def __init__(
        self,
        keys: Authenticator | None,
        tokens: Authenticator | None = None,
        certificates: Authenticator | None = None,
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._certificates = certificates

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Name the caller; see `ports.Authenticator`."""
        if credentials.bearer is None:
            if credentials.certificate is None or self._certificates is None:
                raise Unauthenticated("send an API key or a token in the header Authorization")
            return await self._certificates.authenticate(credentials)
        chosen = self._keys if credentials.bearer.startswith(PREFIX) else self._tokens
        if chosen is None:
            raise InvalidToken("this kind of credential is not accepted here")
        return await chosen.authenticate(credentials)
