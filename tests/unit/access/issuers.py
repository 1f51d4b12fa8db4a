"""A real issuer on this machine: an HTTP server with a key set, keys that sign, and a count of what it is asked."""

import asyncio
import base64
import http.server
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from serve_app.access.tokens import TokenAuthenticator
from serve_app.domain.access import Credentials
from serve_app.domain.call import Principal
from serve_app.domain.errors import InvalidToken
from serve_app.settings import AccessSettings

NOW_S = 1_800_000_000.0
AUDIENCE = "clara"
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")

RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
KEYS: dict[str, Key] = {"RS256": RSA, "PS256": RSA, "ES256": EC, "EdDSA": ED}
_REGISTRY = jws.JWSRegistry(algorithms=[*KEYS, "HS256", "none"], strict_check_header=False)

Answer = tuple[int, dict[str, str], bytes]


def public(*keys: Key) -> dict[str, Any]:
    """Write a key set without anything private."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    """Write an HTTP answer with JSON."""
    return status, headers, json.dumps(body).encode()


@dataclass
class Issuer:
    """An issuer; change `answers` to change what it publishes, clear `answering` to keep its callers waiting."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    answering: threading.Event = field(default_factory=threading.Event)
    byte_interval_s: float = 0

    @property
    def jwks_url(self) -> str:
        """Name where the keys are."""
        return f"{self.url}/keys"

    def publish(self, *keys: Key) -> None:
        """Replace the key set."""
        self.answers["/keys"] = answer(public(*keys))

    async def asked_for_keys(self, num_times: int) -> None:
        """Wait until its keys have been asked for so often."""
        while self.asked["/keys"] < num_times:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.01)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Make the claims of a good token, with some changed; one that is None is left out."""
        good = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "anna",
            "exp": NOW_S + 300,
            "iat": NOW_S,
            "scope": "reports:write reports:read",
            "tenant": "north",
        }
        return {name: value for name, value in (good | changed).items() if value is not None}

    def token(self, algorithm: str = "RS256", header: dict[str, Any] | None = None, **changed: Any) -> str:
        """Sign a token with the issuer's key for the algorithm."""
        key = KEYS[algorithm]
        return signed({"alg": algorithm, "typ": "at+jwt", "kid": key.kid} | (header or {}), self.claims(**changed), key)

    def settings(self, **changed: Any) -> dict[str, Any]:
        """Describe the issuer to the platform."""
        settings = {"name": "hospital", "issuer": self.url, "audience": AUDIENCE, "jwks_url": self.jwks_url}
        tenant = {} if "tenant" in changed else {"tenant_claim": "tenant"}
        return settings | tenant | changed


def signed(header: dict[str, Any], claims: dict[str, Any] | bytes, key: Key) -> str:
    """Sign anything with any key."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.serialize_compact(header, payload, key, registry=_REGISTRY)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


def authenticator(
    *issuers: dict[str, Any], clock: Callable[[], float] | None = None, **access: Any
) -> TokenAuthenticator:
    """Make the authenticator of these issuers at a time that stands still."""
    clock = clock or Clock()
    patient = {"mode": "required", "issuers": issuers, "issuer_keys": {"timeout_s": 60}}
    settings = AccessSettings.model_validate(patient | access)
    return TokenAuthenticator(settings, clock=clock, age_clock=clock)


async def principal_of(tokens: TokenAuthenticator, token: str) -> Principal:
    """Present a token."""
    return await tokens.authenticate(Credentials(bearer=token))


def encoded(part: Any) -> str:
    """Encode one part of a token."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def refused(issuer: Issuer, token: str, **changed: Any) -> None:
    """Require that a token is refused, in the words for every refusal."""
    tokens = authenticator(issuer.settings(**changed))
    with pytest.raises(InvalidToken) as caught:
        await principal_of(tokens, token)
    assert caught.value.message == "the token is not valid here"


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Issuer]:
    """Run an issuer that publishes the public halves of `KEYS`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked[self.path] += 1
            issuer.answering.wait()
            status, headers, body = issuer.answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self._send(body)

        def _send(self, body: bytes) -> None:
            try:
                for place in range(len(body)) if issuer.byte_interval_s else ():
                    self.wfile.write(body[place : place + 1])
                    time.sleep(issuer.byte_interval_s)
                if not issuer.byte_interval_s:
                    self.wfile.write(body)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        issuer = Issuer(f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}")
        issuer.publish(RSA, EC, ED)
        issuer.answering.set()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            issuer.answering.set()
            server.shutdown()
            thread.join()
