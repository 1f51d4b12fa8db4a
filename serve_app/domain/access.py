"""What proves who asks, and what is known about it."""

from dataclasses import dataclass, field

from serve_app.domain.call import Scope


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brings along, unverified; in no log."""

    bearer: str | None = field(default=None, repr=False)
    """The token of the header Authorization: an API key, or a JSON Web Token."""
    certificate: str | None = field(default=None, repr=False)
    """What the edge forwarded about the client's certificate."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is stored: without its secret, which is shown once. Times are seconds since 1970."""

    id: str
    tenant: str
    name: str
    scopes: frozenset[Scope]
    secret_hash: str = field(repr=False)
    created_unix_s: float
    expires_unix_s: float | None = None
    revoked_unix_s: float | None = None
    last_used_unix_s: float | None = None

    def is_valid_at(self, unix_s: float) -> bool:
        """Whether the key opens anything at that time."""
        return self.revoked_unix_s is None and (self.expires_unix_s is None or unix_s < self.expires_unix_s)
