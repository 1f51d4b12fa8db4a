"""The public keys of one issuer: read over HTTP, kept, read anew when they are old or one is missing.

Does not depend on tokens. Asks only the addresses in the settings, and the one in the issuer's discovery document.
"""

import asyncio
import json
import ssl
import time
import warnings
from collections.abc import Callable
from typing import Any

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from serve_app.domain.errors import Unavailable
from serve_app.settings import IssuerKeysSettings, IssuerSettings, or_none
from serve_app.settings.access import require_secure
from serve_app.telemetry.logs import Event, Log

# By key type; symmetric keys have no place in a public set.
_KINDS: dict[str, type[RSAKey | ECKey | OKPKey]] = {kind.key_type: kind for kind in (RSAKey, ECKey, OKPKey)}
# NIST SP 800-131A.
_MIN_RSA_BITS = 2048

log = Log(__name__)


class IssuerKeys:
    """Finds the key of a token. Many may ask at once; the issuer is asked once."""

    def __init__(
        self, issuer: IssuerSettings, settings: IssuerKeysSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer = issuer
        self._settings = settings
        self._clock = clock
        self._keys: list[Key] = []
        self._read_s = self._attempted_s = self._missed_s = float("-inf")
        self._has_failed = False
        self._reading: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, key_type: str) -> Key | None:
        """Return the key with this id and type; without an id, the only one of its type.

        Raises:
            Unavailable: the issuer does not answer, and what it last answered is too old or lacks the key.
        """
        await self._renew()
        found = self._find(kid, key_type)
        if found is None and self._clock() - self._missed_s >= self._settings.retry_s:
            self._missed_s = self._clock()
            await self._read()
            found = self._find(kid, key_type)
        if found is None and self._has_failed:
            raise self._unavailable()
        return found

    async def _renew(self) -> None:
        """Read the keys anew when they are due; while the issuer is known to be out, nobody waits for it."""
        if self._age_s() >= self._settings.refresh_s:
            is_awaited = not self._has_failed or self._is_stale()
            if self._is_reading() or self._clock() - self._attempted_s >= self._settings.retry_s:
                await self._read(is_awaited=is_awaited)
        if self._is_stale():
            raise self._unavailable()

    async def _read(self, *, is_awaited: bool = True) -> None:
        """Read the keys, or join who is reading. A caller that leaves does not end it for the others."""
        if self._reading is None or self._reading.done():
            self._attempted_s = self._clock()
            self._reading = asyncio.create_task(self._attempt())
        if is_awaited:
            await asyncio.shield(self._reading)

    async def _attempt(self) -> None:
        began_s = self._clock()
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                self._keys = await self._answered()
            self._read_s, self._has_failed = began_s, False
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError) as error:
            # OSError includes TimeoutError.
            log.warning(Event.ISSUER_KEYS_UNREAD, issuer=self._issuer.name, error=error)
            self._has_failed = True

    async def _answered(self) -> list[Key]:
        settings = self._settings
        trust = await asyncio.to_thread(_trust, settings)
        async with httpx.AsyncClient(
            verify=trust, trust_env=False, proxy=or_none(settings.proxy, "none"), timeout=settings.timeout_s
        ) as client:
            url = self._issuer.jwks_url
            if url == "discover":
                url = _discovered(await self._get(client, _discovery(self._issuer.issuer)), self._issuer.issuer)
            return _usable(await self._get(client, url))

    async def _get(self, client: httpx.AsyncClient, url: str) -> dict[str, Any]:
        """Read a JSON object. A redirect is an error, and so is an encoded answer, whose size nobody knows."""
        body = bytearray()
        async with client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
            encoding = response.headers.get("content-encoding", "identity")
            if (response.status_code, encoding) != (httpx.codes.OK, "identity"):
                raise ValueError(f"the answer has the status {response.status_code} and the encoding {encoding}")
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._settings.max_bytes:
                    raise ValueError("the answer is too large")
        answer = json.loads(body)
        if not isinstance(answer, dict):
            raise ValueError("the answer is not an object")
        return answer

    def _find(self, kid: str | None, key_type: str) -> Key | None:
        found = [key for key in self._keys if key.key_type == key_type and kid in (None, key.kid)]
        return found[0] if len(found) == 1 else None

    def _age_s(self) -> float:
        return self._clock() - self._read_s

    def _is_stale(self) -> bool:
        return self._age_s() > self._settings.max_stale_s

    def _is_reading(self) -> bool:
        return self._reading is not None and not self._reading.done()

    def _unavailable(self) -> Unavailable:
        return Unavailable("tokens of this issuer cannot be verified now", max(1, round(self._settings.retry_s)))


def _trust(settings: IssuerKeysSettings) -> ssl.SSLContext:
    if settings.ca_file == "none":
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=settings.ca_file)


def _discovery(issuer: str) -> str:
    """Source: OpenID Connect Discovery 1.0, section 4."""
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def _discovered(document: dict[str, Any], issuer: str) -> str:
    """Read where the keys are. Source: RFC 8414, section 3.3: the document must name the issuer that was asked."""
    url = document.get("jwks_uri")
    if document.get("issuer") != issuer or not isinstance(url, str):
        raise ValueError("the discovery document is another issuer's, or names no keys")
    return require_secure(url)


def _usable(answer: dict[str, Any]) -> list[Key]:
    """Read the public signature keys. Source: RFC 7517, section 5: keys that are not understood are left out."""
    keys = answer.get("keys")
    if not isinstance(keys, list):
        raise ValueError("the answer is not a set of keys")
    return [key for description in keys if (key := _key(description)) is not None]


def _key(description: Any) -> Key | None:
    if not isinstance(description, dict) or description.get("use", "sig") != "sig":
        return None
    kind = _KINDS.get(str(description.get("kty")))
    if kind is None:
        return None
    try:
        with warnings.catch_warnings():
            # It warns of weak keys, which have no use here.
            warnings.simplefilter("ignore", SecurityWarning)
            key = kind.import_key(description)
    except (JoseError, ValueError, KeyError, TypeError, UnsupportedAlgorithm):
        return None
    is_weak = isinstance(key, RSAKey) and key.public_key.key_size < _MIN_RSA_BITS
    return None if is_weak or key.is_private else key
