"""API keys: `clara_<id>_<secret>`. The id finds the key; of the secret only a slow hash is kept.

Does not depend on how keys are stored.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from serve_app.domain.access import ApiKey, Credentials
from serve_app.domain.call import Principal, Scope
from serve_app.domain.errors import Overloaded, Unauthenticated
from serve_app.ports import KeyStore

PREFIX = "clara_"
_FORM = re.compile(r"clara_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_INVALID = "the API key is unknown, expired or revoked"
# RFC 7914; 16 MiB and about 50 ms a hash. The secret has 256 random bits: this guards a stolen table, not weak words.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**14, 8, 1
# Whoever knows an id can ask for slow hashes: they queue behind each other, and no further than this.
_MAX_WAITING = 32
_USE_PERIOD_S = 60.0

Clock = Callable[[], float]


def new_key(
    tenant: str, name: str, scopes: frozenset[Scope], now_unix_s: float, expires_unix_s: float | None = None
) -> tuple[ApiKey, str]:
    """Make a key; the second value is its text, which nobody can read again."""
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    key = ApiKey(key_id, tenant, name, scopes, _hash(secret, secrets.token_bytes(16)), now_unix_s, expires_unix_s)
    return key, f"{PREFIX}{key_id}_{secret}"


async def rotate(store: KeyStore, key: ApiKey, overlap_s: float, now_unix_s: float) -> tuple[ApiKey, str]:
    """Make the successor of a key, which itself ends after the overlap."""
    successor, text = new_key(key.tenant, key.name, key.scopes, now_unix_s, _same_life(key, now_unix_s))
    await store.add(successor)
    await store.expire(key.id, now_unix_s + overlap_s)
    return successor, text


class KeyAuthenticator:
    """Implements the `Authenticator` port for API keys.

    A key costs its slow hash once in this process; after that its row is read anew every `max_age_s`, so a revoked key
    works no longer than that.
    """

    def __init__(self, store: KeyStore, max_age_s: float, clock: Clock = time.time) -> None:
        self._store = store
        self._max_age_s = max_age_s
        self._clock = clock
        self._known: dict[bytes, _Verified] = {}
        self._hashing = asyncio.Lock()
        self._num_waiting = 0

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Name the owner of the key; see `ports.Authenticator`."""
        match = _FORM.fullmatch(credentials.bearer or "")
        if match is None:
            raise Unauthenticated("the API key is not one of ours")
        key_id, secret = match.groups()
        # What is remembered is no secret either: a digest, good for this process only.
        name = hashlib.sha256(f"{key_id}_{secret}".encode()).digest()
        key = await self._current(name, key_id, secret)
        if not key.is_valid_at(self._clock()):
            self._known.pop(name, None)
            raise Unauthenticated(_INVALID)
        return Principal(f"key:{key.id}", key.tenant, key.scopes)

    async def _current(self, name: bytes, key_id: str, secret: str) -> ApiKey:
        verified = self._known.get(name)
        if verified is not None and self._clock() - verified.read_unix_s < self._max_age_s:
            return verified.key
        read_unix_s = self._clock()
        key = await self._store.find(key_id)
        if key is None or not key.is_valid_at(read_unix_s):
            self._known.pop(name, None)
            raise Unauthenticated(_INVALID)
        await self._require_match(name, key, secret, read_unix_s)
        key = await self._noted(key, read_unix_s)
        self._known[name] = _Verified(key, read_unix_s)
        return key

    async def _require_match(self, name: bytes, key: ApiKey, secret: str, read_unix_s: float) -> None:
        if self._is_verified(name, key):
            return
        if self._num_waiting >= _MAX_WAITING:
            raise Overloaded("too many API keys are being verified")
        self._num_waiting += 1
        try:
            async with self._hashing:
                if self._is_verified(name, key):
                    return
                if not await asyncio.to_thread(_matches, secret, key.secret_hash):
                    raise Unauthenticated(_INVALID)
                self._known[name] = _Verified(key, read_unix_s)
        finally:
            self._num_waiting -= 1

    def _is_verified(self, name: bytes, key: ApiKey) -> bool:
        verified = self._known.get(name)
        return verified is not None and verified.key.secret_hash == key.secret_hash

    async def _noted(self, key: ApiKey, now_unix_s: float) -> ApiKey:
        """Keep when the key is used, to the minute."""
        if key.last_used_unix_s is not None and now_unix_s - key.last_used_unix_s < _USE_PERIOD_S:
            return key
        await self._store.note_use(key.id, now_unix_s)
        return replace(key, last_used_unix_s=now_unix_s)


@dataclass(frozen=True, slots=True)
class _Verified:
    key: ApiKey
    read_unix_s: float


def _same_life(key: ApiKey, now_unix_s: float) -> float | None:
    return None if key.expires_unix_s is None else now_unix_s + key.expires_unix_s - key.created_unix_s


def _hash(secret: str, salt: bytes) -> str:
    digest = hashlib.scrypt(secret.encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P)
    return f"scrypt${_SCRYPT_N}${_SCRYPT_R}${_SCRYPT_P}${salt.hex()}${digest.hex()}"


def _matches(secret: str, stored: str) -> bool:
    _, n, r, p, salt, digest = stored.split("$")
    tried = hashlib.scrypt(secret.encode(), salt=bytes.fromhex(salt), n=int(n), r=int(r), p=int(p))
    return hmac.compare_digest(tried, bytes.fromhex(digest))
