"""Which authenticator a credential is for."""

from serve_app.access.keys import PREFIX
from serve_app.domain.access import Credentials
from serve_app.domain.call import Principal
from serve_app.domain.errors import Unauthenticated
from serve_app.ports import Authenticator


class AnyOf:
    """Implements the `Authenticator` port: API keys and tokens each go to their own; no credential gets past both."""

    def __init__(self, keys: Authenticator | None, tokens: Authenticator | None) -> None:
        self._keys = keys
        self._tokens = tokens

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Name the caller; see `ports.Authenticator`."""
        if credentials.bearer is None:
            raise Unauthenticated("send an API key or a token in the header Authorization")
        chosen = self._keys if credentials.bearer.startswith(PREFIX) else self._tokens
        if chosen is None:
            raise Unauthenticated("this kind of credential is not accepted here")
        return await chosen.authenticate(credentials)
