"""An issuer's keys: read once for many, renewed, never hammered, and trusted for a set time while it is out."""

import asyncio
import json
import logging
import ssl
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.errors import SecurityWarning
from joserfc.jwk import RSAKey

from serve_app.domain.errors import InvalidToken, Unavailable
from tests.unit.access.issuers import (
    NOW_S,
    OTHER_RSA,
    RSA,
    Answer,
    Clock,
    Issuer,
    answer,
    authenticator,
    principal_of,
    public,
    serving,
    signed,
)

HEADER = {"alg": "RS256", "typ": "at+jwt"}
KEEPING = {"refresh_s": 300, "retry_s": 10, "max_stale_s": 3600, "timeout_s": 60}
NEW_RSA = RSAKey.generate_key(2048, {"kid": "new"})


def token_at(issuer: Issuer, clock: Clock, key: RSAKey = RSA, **header: str) -> str:
    """Sign a token that is good at this time."""
    return signed(HEADER | {"kid": str(key.kid)} | header, issuer.claims(exp=clock.now_s + 60, iat=clock.now_s), key)


def tokens_of(issuer: Issuer, clock: Clock, **keeping: Any) -> Any:
    """Trust the issuer, at a clock."""
    return authenticator(issuer.settings(), clock=clock, issuer_keys=KEEPING | keeping)


async def outcome(tokens: Any, token: str) -> str:
    """Present a token and name what comes of it."""
    try:
        return (await principal_of(tokens, token)).subject
    except (InvalidToken, Unavailable) as error:
        return type(error).__name__


async def test_a_burst_asks_the_issuer_once(issuer: Issuer) -> None:
    clock = Clock()
    tokens = tokens_of(issuer, clock)
    issuer.answering.clear()

    burst = [asyncio.create_task(outcome(tokens, token_at(issuer, clock))) for _ in range(50)]
    await issuer.asked_for_keys(1)
    issuer.answering.set()

    assert set(await asyncio.gather(*burst)) == {"hospital:anna"}
    assert issuer.asked["/keys"] == 1


async def test_a_burst_at_an_issuer_that_is_out_asks_it_once(issuer: Issuer) -> None:
    clock = Clock()
    tokens = tokens_of(issuer, clock)
    issuer.answers["/keys"] = answer({}, status=500)

    outcomes = [*await asyncio.gather(*(outcome(tokens, token_at(issuer, clock)) for _ in range(50)))]
    outcomes += [await outcome(tokens, token_at(issuer, clock)) for _ in range(50)]

    assert set(outcomes) == {"Unavailable"}
    assert issuer.asked["/keys"] == 1


async def test_a_caller_that_leaves_does_not_end_the_reading_for_the_others(issuer: Issuer) -> None:
    clock = Clock()
    tokens = tokens_of(issuer, clock)
    issuer.answering.clear()
    leaving = asyncio.create_task(outcome(tokens, token_at(issuer, clock)))
    staying = asyncio.create_task(outcome(tokens, token_at(issuer, clock)))
    await issuer.asked_for_keys(1)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    issuer.answering.set()

    assert await staying == "hospital:anna"
    assert issuer.asked["/keys"] == 1


async def test_a_flood_of_unknown_key_ids_does_not_reach_the_issuer(issuer: Issuer) -> None:
    clock = Clock()
    tokens = tokens_of(issuer, clock)

    outcomes = [await outcome(tokens, token_at(issuer, clock, kid=f"kid-{number}")) for number in range(200)]
    assert set(outcomes) == {"InvalidToken"}
    assert issuer.asked["/keys"] == 2

    clock.now_s += 10
    await asyncio.gather(*(outcome(tokens, token_at(issuer, clock, kid=f"more-{number}")) for number in range(200)))
    assert issuer.asked["/keys"] == 3
    assert await outcome(tokens, token_at(issuer, clock)) == "hospital:anna"


async def test_a_rotation_in_mid_flight_is_followed_at_once(issuer: Issuer) -> None:
    clock = Clock()
    tokens = tokens_of(issuer, clock)
    old = token_at(issuer, clock)
    assert await outcome(tokens, old) == "hospital:anna"

    issuer.publish(RSA, NEW_RSA)
    assert await outcome(tokens, token_at(issuer, clock, NEW_RSA)) == "hospital:anna"
    assert await outcome(tokens, old) == "hospital:anna"

    issuer.publish(NEW_RSA)
    clock.now_s += 300
    assert await outcome(tokens, token_at(issuer, clock)) == "InvalidToken"
    assert await outcome(tokens, token_at(issuer, clock, NEW_RSA)) == "hospital:anna"


async def test_a_key_that_is_replaced_under_its_id_is_followed_after_the_refresh(issuer: Issuer) -> None:
    clock = Clock()
    tokens = tokens_of(issuer, clock)
    assert await outcome(tokens, token_at(issuer, clock)) == "hospital:anna"

    issuer.publish(OTHER_RSA)
    clock.now_s += 300

    assert await outcome(tokens, token_at(issuer, clock)) == "InvalidToken"
    assert await outcome(tokens, token_at(issuer, clock, OTHER_RSA)) == "hospital:anna"


async def test_in_an_outage_the_last_keys_serve_for_the_set_time_and_then_nothing_passes(issuer: Issuer) -> None:
    clock = Clock()
    tokens = tokens_of(issuer, clock)
    assert await outcome(tokens, token_at(issuer, clock)) == "hospital:anna"
    issuer.answers.clear()

    for age_s in (299, 300, 1800, 3600):
        clock.now_s = NOW_S + age_s
        assert await outcome(tokens, token_at(issuer, clock)) == "hospital:anna"
    assert await outcome(tokens, token_at(issuer, clock, NEW_RSA)) == "Unavailable", "a key that may be good, later"

    clock.now_s = NOW_S + 3601
    assert await outcome(tokens, token_at(issuer, clock)) == "Unavailable"

    issuer.publish(RSA)
    clock.now_s += 10
    assert await outcome(tokens, token_at(issuer, clock)) == "hospital:anna"


async def test_while_the_issuer_is_known_to_be_out_nobody_waits_for_it(issuer: Issuer) -> None:
    clock = Clock()
    tokens = tokens_of(issuer, clock)
    assert await outcome(tokens, token_at(issuer, clock)) == "hospital:anna"
    issuer.answers.clear()
    clock.now_s += 300
    assert await outcome(tokens, token_at(issuer, clock)) == "hospital:anna"
    issuer.answering.clear()
    clock.now_s += 10

    assert await outcome(tokens, token_at(issuer, clock)) == "hospital:anna"
    await issuer.asked_for_keys(3)


@pytest.mark.parametrize(
    "broken",
    [
        answer(public(RSA), status=500),
        answer(public(RSA), status=201),
        answer(public(RSA), status=302, Location="/moved"),
        answer([]),
        answer({"keys": {}}),
        answer({}),
        answer(public(RSA) | {"filler": "x" * 262_144}),
        (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"),
        (200, {}, b"[" * 100_000),
        (200, {}, b"\xff"),
        (200, {"Content-Length": "9999"}, b"{}"),
    ],
    ids=lambda broken: str(broken[0]) + str(broken[2][:12]),
)
async def test_an_answer_that_is_no_key_set_is_an_outage(
    issuer: Issuer, broken: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    issuer.answers |= {"/keys": broken, "/moved": answer(public(RSA))}

    assert await outcome(tokens_of(issuer, clock), token_at(issuer, clock)) == "Unavailable"
    assert issuer.asked["/moved"] == 0
    assert "cannot read the keys of the issuer hospital" in caplog.text


async def test_an_issuer_that_drips_is_cut_off(issuer: Issuer) -> None:
    clock = Clock()
    issuer.byte_interval_s = 0.05

    assert await outcome(tokens_of(issuer, clock, timeout_s=0.3), token_at(issuer, clock)) == "Unavailable"


async def test_keys_that_are_not_understood_are_left_out(issuer: Issuer) -> None:
    clock = Clock()
    with pytest.warns(SecurityWarning):
        weak = RSAKey.generate_key(1024, {"kid": "weak"})
    strange: list[Any] = [
        7,
        {},
        {"kty": ["RSA"]},
        {"kty": "RSA", "n": 1},
        {"kty": "RSA", "n": "", "e": ""},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "AKP", "alg": "ML-DSA-44"},
        NEW_RSA.as_dict(private=True),
    ]
    issuer.answers["/keys"] = answer({"keys": strange + public(weak, RSA)["keys"]})
    tokens = tokens_of(issuer, clock)

    assert await outcome(tokens, token_at(issuer, clock)) == "hospital:anna"
    assert await outcome(tokens, token_at(issuer, clock, weak)) == "InvalidToken"
    assert await outcome(tokens, token_at(issuer, clock, NEW_RSA)) == "InvalidToken"


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://other.example.org", "jwks_uri": "URL/keys"},
        {"jwks_uri": "URL/keys"},
        {"issuer": "URL"},
        {"issuer": "URL", "jwks_uri": 7},
        {"issuer": "URL", "jwks_uri": "http://keys.example.org/keys"},
        {"issuer": "URL", "jwks_uri": "file:///etc/passwd"},
        {"issuer": "URL", "jwks_uri": "https://user@keys.example.org"},
    ],
    ids=repr,
)
async def test_a_discovery_document_is_followed_only_if_it_is_the_issuers_and_secure(
    issuer: Issuer, document: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    body = json.dumps(document).replace("URL", issuer.url).encode()
    issuer.answers["/.well-known/openid-configuration"] = (200, {}, body)
    tokens = authenticator(issuer.settings(jwks_url="discover"), clock=clock, issuer_keys=KEEPING)

    assert await outcome(tokens, token_at(issuer, clock)) == "Unavailable"
    assert issuer.asked["/keys"] == 0
    assert "ValueError" in caplog.text, "refused before anybody is asked"


async def test_the_proxies_of_the_environment_are_not_asked(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    clock = Clock()

    assert await outcome(tokens_of(issuer, clock), token_at(issuer, clock)) == "hospital:anna"
    through = tokens_of(issuer, clock, proxy="http://127.0.0.1:9")
    assert await outcome(through, token_at(issuer, clock)) == "Unavailable"


async def test_an_authority_file_that_is_missing_is_an_outage_with_its_reason_in_the_log(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    clock = Clock()

    tokens = tokens_of(issuer, clock, ca_file="/nowhere/ca.pem")
    assert await outcome(tokens, token_at(issuer, clock)) == "Unavailable"
    assert "FileNotFoundError" in caplog.text


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for 127.0.0.1 that is its own authority; return a server's context, and the file to trust."""
    key = generate_private_key(SECP256R1())
    name = x509.Name.from_rfc4514_string("CN=127.0.0.1")
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2120, 1, 1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
    builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    file = folder / "ca.pem"
    file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    private = folder / "key.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, private)
    return context, file


async def test_an_issuer_is_believed_only_with_a_certificate_of_the_right_authority(tmp_path: Path) -> None:
    context, file = certified(tmp_path)
    with serving(context) as issuer:
        clock = Clock()
        believed, unknown = tokens_of(issuer, clock, ca_file=str(file)), tokens_of(issuer, clock)

        assert await outcome(believed, token_at(issuer, clock)) == "hospital:anna"
        assert await outcome(unknown, token_at(issuer, clock)) == "Unavailable"
