"""Access tokens of trusted issuers: JSON Web Tokens that are signed, for us, in time.

Does not depend on how an issuer's keys are read. Source: RFC 7519, RFC 8725, RFC 9068.
"""

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from serve_app.access.issuer_keys import IssuerKeys
from serve_app.domain.access import TENANT, Credentials
from serve_app.domain.call import Principal, Scope
from serve_app.domain.errors import InvalidToken
from serve_app.settings import AccessSettings, IssuerSettings
from serve_app.telemetry.logs import Event, Log

# One sentence for every reason: what is wrong with a token is in our log, not in the answer.
_INVALID = "the token is not valid here"
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
# Header parameters that would change what is signed or how it is read.
_NOT_UNDERSTOOD = frozenset({"crit", "b64", "enc", "zip"})
_TYPES = {
    "at+jwt": frozenset({"at+jwt", "application/at+jwt"}),
    "none": frozenset({"at+jwt", "application/at+jwt", "jwt", ""}),
}
# OpenID Connect Core, section 2.
_SUBJECT = re.compile(r"[ -~]{1,255}")
_TENANT = re.compile(TENANT)

log = Log(__name__)

Clock = Callable[[], float]
Json = dict[str, Any]


class TokenAuthenticator:
    """Implements the `Authenticator` port for access tokens of the issuers in the settings."""

    def __init__(self, settings: AccessSettings, clock: Clock = time.time, age_clock: Clock = time.monotonic) -> None:
        self._max_bytes = settings.max_token_bytes
        self._issuers = {
            issuer.issuer: _Issuer(
                issuer, IssuerKeys(issuer, settings.issuer_keys, age_clock), settings.operator_tenant, clock
            )
            for issuer in settings.issuers
        }

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Name the owner of the token; see `ports.Authenticator`."""
        try:
            return await self._principal(credentials.bearer or "")
        except JoseError as error:
            reason = error.error
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, _Refusal) else "malformed"
        log.info(Event.TOKEN_REFUSED, reason=reason)
        raise InvalidToken(_INVALID)

    async def _principal(self, token: str) -> Principal:
        if len(token) > self._max_bytes:
            raise _Refusal("too large")
        segments = token.split(".")
        if len(segments) != 3:
            raise _Refusal("not a signed token")
        header, claims = _json(segments[0]), _json(segments[1])
        named = claims.get("iss")
        # So far only the token's own word: it chooses whose rules and keys apply, and both must then agree.
        issuer = self._issuers.get(named) if isinstance(named, str) else None
        if issuer is None:
            raise _Refusal("unknown issuer")
        await issuer.verify(token, header, claims)
        return issuer.principal(claims)


class _Refusal(ValueError):
    """A token is refused; the text is ours and safe to log."""


@dataclass(frozen=True, slots=True)
class _Issuer:
    settings: IssuerSettings
    keys: IssuerKeys
    operator_tenant: str
    clock: Clock

    async def verify(self, token: str, header: Json, claims: Json) -> None:
        """Return if the token is this issuer's, for us and in time. `jku`, `x5u`, `x5c` and `jwk` have no say."""
        algorithm = self._algorithm(header)
        kid = header.get("kid")
        if not isinstance(kid, str | None):
            raise _Refusal("key id")
        key = await self.keys.find(kid, _KEY_TYPES[algorithm[:2]])
        if key is None:
            raise _Refusal("unknown key")
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        jws.deserialize_compact(token, key, registry=registry)
        self._rules().validate(claims)

    def _algorithm(self, header: Json) -> str:
        algorithm, kind = header.get("alg"), header.get("typ", "")
        if algorithm not in self.settings.algorithms:
            raise _Refusal("algorithm")
        if not isinstance(kind, str) or kind.lower() not in _TYPES[self.settings.require_type]:
            raise _Refusal("type")
        if _NOT_UNDERSTOOD & header.keys():
            raise _Refusal("header")
        return str(algorithm)

    def _rules(self) -> JWTClaimsRegistry:
        return JWTClaimsRegistry(
            now=int(self.clock()),
            leeway=self.settings.clock_skew_s,
            iss={"essential": True, "value": self.settings.issuer},
            aud={"essential": True, "value": self.settings.audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    def principal(self, claims: Json) -> Principal:
        """Read who the verified token is for."""
        if "cnf" in claims:
            # RFC 7800: it is bound to a key whose possession nobody proved to us.
            raise _Refusal("bound to a key")
        if not _SUBJECT.fullmatch(claims["sub"]):
            raise _Refusal("subject")
        return Principal(f"{self.settings.name}:{claims['sub']}", self._tenant(claims), self._scopes(claims))

    def _tenant(self, claims: Json) -> str:
        if self.settings.tenant_claim == "none":
            return self.settings.tenant
        tenant = _at(claims, self.settings.tenant_claim)
        if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
            raise _Refusal("tenant")
        if tenant not in self.settings.tenants if self.settings.tenants else tenant == self.operator_tenant:
            raise _Refusal("tenant of others")
        return tenant

    def _scopes(self, claims: Json) -> frozenset[Scope]:
        """Translate the issuer's names; one that we don't have grants nothing."""
        named = _at(claims, self.settings.scope_claim) or []
        names = named.split() if isinstance(named, str) else named
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _Refusal("scopes")
        if self.settings.scopes:
            return frozenset(scope for name in names for scope in self.settings.scopes.get(name, ()))
        return frozenset(Scope) & frozenset(names)


def _json(segment: str) -> Json:
    """Read one part of a token: an object whose names are distinct, so that no two readers differ about it."""
    value = json.loads(urlsafe_b64decode(segment.encode("ascii")), object_pairs_hook=_distinct)
    if not isinstance(value, dict):
        raise _Refusal("not an object")
    return value


def _distinct(pairs: Iterable[tuple[str, Any]]) -> Json:
    found: Json = {}
    for name, value in pairs:
        if name in found:
            raise _Refusal("a name twice")
        found[name] = value
    return found


def _at(claims: Json, path: str) -> Any:
    """Find a claim by its name, or by a path whose dots lead into objects; None where there is none."""
    if path in claims:
        return claims[path]
    for place in (place for place, letter in enumerate(path) if letter == "."):
        inner = claims.get(path[:place])
        if isinstance(inner, dict) and (found := _at(inner, path[place + 1 :])) is not None:
            return found
    return None
